#include "launcher/landlock.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdint>
#include <linux/landlock.h>

#include <algorithm>
#include <string_view>

// The numbers below are newer than the headers of the oldest distribution this
// builds on; they are in include/uapi/linux/landlock.h.

namespace ocw::launcher {
namespace {

constexpr long create_ruleset = 444;
constexpr long add_rule = 445;

constexpr uint64_t net_bind_tcp = 1 << 0; // ABI 4
constexpr uint64_t net_connect_tcp = 1 << 1;
constexpr uint64_t fs_ioctl_dev = 1 << 15;       // ABI 5
constexpr uint64_t scope_abstract_unix = 1 << 0; // ABI 6
constexpr uint64_t scope_signal = 1 << 1;
constexpr uint64_t all_fs_abi1 = (1 << 13) - 1;
constexpr uint64_t fs_refer = 1 << 13; // ABI 2

struct ruleset_attributes {
  uint64_t handled_fs = 0;
  uint64_t handled_net = 0;
  uint64_t scoped = 0;
};

constexpr uint64_t read_rights = LANDLOCK_ACCESS_FS_EXECUTE
                                 | LANDLOCK_ACCESS_FS_READ_FILE
                                 | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr uint64_t file_rights
  = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE
    | LANDLOCK_ACCESS_FS_WRITE_FILE | (1 << 14) /* truncate */ | fs_ioctl_dev;

uint64_t all_fs_rights(int abi) {
  auto rights = all_fs_abi1;
  if (abi >= 2)
    rights |= fs_refer;
  if (abi >= 3)
    rights |= 1 << 14; // truncate
  if (abi >= 5)
    rights |= fs_ioctl_dev;
  return rights;
}

bool allow(int ruleset, const std::string& path, uint64_t rights) {
  const unique_fd place{::open(path.c_str(), O_PATH | O_CLOEXEC)};
  if (!place)
    return errno == ENOENT || errno == EACCES;
  struct stat what {};
  if (::fstat(place.get(), &what) == 0 && !S_ISDIR(what.st_mode))
    rights &= file_rights;
  landlock_path_beneath_attr rule{};
  rule.allowed_access = rights;
  rule.parent_fd = place.get();
  return ::syscall(add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0)
         == 0;
}

bool is_at_or_below(const std::string& path, const std::string& top) {
  return path.compare(0, top.size(), top) == 0
         && (path.size() == top.size() || path[top.size()] == '/');
}

// A tree's rules can only be added to, so what is left out has to be walked
// around: everything beside it is allowed by name.
class reading_rules {
public:
  reading_rules(int ruleset, const std::vector<std::string>& unread)
    : ruleset_(ruleset), unread_(unread) {}

  bool allow_below(const std::string& path) {
    const auto leaves_out
      = std::any_of(unread_.begin(), unread_.end(), [&path](const auto& each) {
          return is_at_or_below(each, path == "/" ? std::string{} : path);
        });
    if (!leaves_out)
      return allow(ruleset_, path, LANDLOCK_ACCESS_FS_READ_FILE);
    const auto is_left_out = std::find(unread_.begin(), unread_.end(), path);
    return is_left_out != unread_.end() || allow_children(path);
  }

private:
  bool allow_children(const std::string& path) {
    DIR* const directory = ::opendir(path.c_str());
    if (directory == nullptr)
      return errno == ENOENT || errno == EACCES;
    const auto prefix = path == "/" ? path : path + "/";
    auto good = true;
    while (const auto* entry = ::readdir(directory)) {
      auto child = prefix;
      child += entry->d_name;
      const std::string_view name{entry->d_name};
      if (good && name != "." && name != ".." && entry->d_type != DT_LNK)
        good = allow_below(child);
    }
    ::closedir(directory);
    return good;
  }

  int ruleset_;
  const std::vector<std::string>& unread_;
};

} // namespace

int landlock_abi() {
  const auto version
    = ::syscall(create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return version > 0 ? static_cast<int>(version) : 0;
}

unique_fd make_landlock(const landlock_plan& plan) {
  const auto abi = landlock_abi();
  const auto all = all_fs_rights(abi);
  ruleset_attributes attributes;
  attributes.handled_fs = all;
  if (abi >= 4 && plan.no_network)
    attributes.handled_net = net_bind_tcp | net_connect_tcp;
  if (abi >= 6)
    attributes.scoped = scope_abstract_unix | scope_signal;
  const auto size = abi >= 6   ? sizeof(attributes)
                    : abi >= 4 ? 2 * sizeof(uint64_t)
                               : sizeof(uint64_t);
  unique_fd ruleset{
    static_cast<int>(::syscall(create_ruleset, &attributes, size, 0))};
  if (!ruleset)
    return {};
  auto good = true;
  for (const auto& path : plan.readable)
    good = good && allow(ruleset.get(), path, read_rights & all);
  for (const auto& path : plan.writable)
    good = good && allow(ruleset.get(), path, all);
  return good ? std::move(ruleset) : unique_fd{};
}

unique_fd make_exec_rules(const exec_plan& plan) {
  const auto limits_reading = !plan.unread.empty();
  const uint64_t program_rights
    = LANDLOCK_ACCESS_FS_EXECUTE
      | (limits_reading ? LANDLOCK_ACCESS_FS_READ_FILE : 0);
  // Renaming across directories is refused by every ruleset that does not allow
  // it by name.
  const uint64_t refer = landlock_abi() >= 2 ? fs_refer : 0;
  ruleset_attributes attributes;
  attributes.handled_fs = program_rights | refer;
  unique_fd ruleset{static_cast<int>(
    ::syscall(create_ruleset, &attributes, sizeof(uint64_t), 0))};
  if (!ruleset)
    return {};
  auto good = refer == 0 || allow(ruleset.get(), "/", refer);
  for (const auto& path : plan.programs)
    good = good && allow(ruleset.get(), path, program_rights);
  if (good && limits_reading)
    good = reading_rules{ruleset.get(), plan.unread}.allow_below("/");
  return good ? std::move(ruleset) : unique_fd{};
}

} // namespace ocw::launcher
