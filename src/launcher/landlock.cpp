#include "launcher/landlock.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdint>
#include <linux/landlock.h>

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
    rights |= 1 << 13; // refer
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

} // namespace ocw::launcher
