#include "launcher/cgroup_dir.hpp"

#include "launcher/clock.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>

namespace ocw::launcher {
namespace {

constexpr int64_t patience_ms = 2000;
constexpr int freeze_patience_ms = 50;

// A mount may show only a part of the hierarchy, that begins at `root`; this
// process may be elsewhere, and then the mount's top is all that is known.
std::string below_root(const std::string& path, const std::string& root) {
  if (path == "/" || path.find("/..") != std::string::npos)
    return "";
  if (root == "/")
    return path;
  return (path + "/").starts_with(root + "/") ? path.substr(root.size()) : "";
}

// Whether a line of mountinfo mounts the hierarchy of this version 1
// controller, or the unified one if there is none.
bool mounts(const std::vector<std::string_view>& fields,
            std::string_view controller) {
  const auto dash = std::find(fields.begin(), fields.end(), "-");
  if (dash - fields.begin() < 6 || fields.end() - dash < 4)
    return false;
  if (controller.empty())
    return dash[1] == "cgroup2";
  const auto options = split(dash[3], ',');
  return dash[1] == "cgroup"
         && std::count(options.begin(), options.end(), controller) > 0;
}

// Who is frozen cannot fork; KILL takes its effect with the thaw.
void freeze(const cgroup_dir& group) {
  for (int i = 0; i < freeze_patience_ms; ++i) {
    if (group.write("freezer.state", "FROZEN") != 0
        || group.read("freezer.state") == "FROZEN\n")
      return;
    ::poll(nullptr, 0, 1);
  }
}

// Whether a name is `before` and a number; any is when nothing is before.
bool is_number_after(const std::string& name, const std::string& before) {
  return before.empty()
         || (name.size() > before.size() && name.starts_with(before)
             && name.find_first_not_of("0123456789", before.size())
                  == std::string::npos);
}

} // namespace

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const auto end = std::min(text.find(separator), text.size());
    if (end > 0)
      parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::vector<cgroup_mount> find_cgroup_mounts(const std::string& mountinfo,
                                             const std::string& self_cgroup) {
  std::vector<cgroup_mount> found;
  for (const auto line : split(self_cgroup, '\n')) {
    // number:controllers:path, without controllers for the unified hierarchy
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (second == std::string_view::npos)
      continue;
    const auto names = split(line.substr(first + 1, second - first - 1), ',');
    cgroup_mount mount;
    mount.unified = names.empty();
    for (const auto& use : cgroup_uses)
      if (std::count(names.begin(), names.end(), use.v1_name) > 0)
        mount.uses |= use.bit;
    for (const auto candidate : split(mountinfo, '\n')) {
      const auto fields = split(candidate, ' ');
      if (!mounts(fields, mount.unified ? "" : names.front()))
        continue;
      mount.point = fields[4];
      mount.own = below_root(std::string{line.substr(second + 1)},
                             std::string{fields[3]});
      found.push_back(std::move(mount));
      break;
    }
  }
  return found;
}

std::string read_all(int fd) {
  std::string text;
  char some[4096];
  ssize_t n = 0;
  while ((n = ::pread(fd, some, sizeof(some), static_cast<off_t>(text.size())))
         > 0)
    text.append(some, static_cast<size_t>(n));
  return text;
}

uint64_t number_in(std::string_view text, std::string_view key) {
  uint64_t number = 0;
  for (auto line : split(text, '\n')) {
    if (!key.empty()) {
      if (!line.starts_with(key) || !line.substr(key.size()).starts_with(' '))
        continue;
      line.remove_prefix(key.size() + 1);
    }
    std::from_chars(line.data(), line.data() + line.size(), number);
    break;
  }
  return number;
}

int cgroup_dir::make(int parent, const std::string& name) {
  files_.clear();
  if (::mkdirat(parent, name.c_str(), 0755) != 0 && errno != EEXIST)
    return errno;
  fd_.reset(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return fd_ ? 0 : errno;
}

int cgroup_dir::file(const char* name) const {
  for (const auto& one : files_)
    if (std::strcmp(one.name, name) == 0)
      return one.fd ? one.fd.get() : -one.error;
  unique_fd fd;
  for (const auto mode : {O_RDWR, O_RDONLY, O_WRONLY})
    if (!fd)
      fd.reset(::openat(fd_.get(), name, mode | O_CLOEXEC));
  const auto error = fd ? 0 : errno;
  files_.push_back({name, std::move(fd), error});
  return error == 0 ? files_.back().fd.get() : -error;
}

std::string cgroup_dir::read(const char* name) const {
  const auto fd = file(name);
  return fd < 0 ? std::string{} : read_all(fd);
}

uint64_t cgroup_dir::number(const char* name, std::string_view key) const {
  return number_in(read(name), key);
}

int cgroup_dir::write(const char* name, const std::string& text) const {
  const auto fd = file(name);
  if (fd < 0)
    return -fd;
  const auto line = text + "\n";
  return ::write(fd, line.data(), line.size()) < 0 ? errno : 0;
}

// Opened anew each time: version 1 keeps the list for a second and gives it
// again to whoever reads the same open file (kernel/cgroup/cgroup-v1.c).
std::vector<pid_t> cgroup_dir::processes() const {
  std::vector<pid_t> all;
  const unique_fd fd{::openat(fd_.get(), "cgroup.procs", O_RDONLY | O_CLOEXEC)};
  const auto text = read_all(fd.get());
  for (const auto line : split(text, '\n'))
    if (const auto pid = static_cast<pid_t>(number_in(line)); pid > 0)
      all.push_back(pid); // 0 is in another pid namespace
  return all;
}

uint32_t kill_in_rounds(const cgroup_dir& group) {
  const auto end = steady_ms() + patience_ms;
  std::vector<pid_t> seen;
  for (;;) {
    if (group.has("freezer.state"))
      freeze(group);
    const auto now = group.processes();
    for (const auto pid : now) {
      ::kill(pid, SIGKILL);
      if (std::find(seen.begin(), seen.end(), pid) == seen.end())
        seen.push_back(pid);
    }
    group.write("freezer.state", "THAWED");
    if (now.empty() || steady_ms() >= end)
      return static_cast<uint32_t>(seen.size());
    ::poll(nullptr, 0, 1);
  }
}

int remove_group(int parent, const std::string& name) {
  const auto end = steady_ms() + patience_ms;
  while (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0) {
    if (errno != EBUSY || steady_ms() >= end)
      return errno;
    ::poll(nullptr, 0, 1);
  }
  return 0;
}

void clear_group(const cgroup_dir& dir, const std::string& only_after) {
  auto* list = ::fdopendir(::openat(dir.fd(), ".", O_RDONLY | O_CLOEXEC));
  if (list == nullptr)
    return;
  while (const auto* entry = ::readdir(list)) {
    const std::string name = entry->d_name;
    const auto flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    if (name == "." || name == ".." || !is_number_after(name, only_after))
      continue;
    const cgroup_dir group{unique_fd{::openat(dir.fd(), name.c_str(), flags)}};
    if (group.fd() < 0)
      continue;
    clear_group(group);
    group.write("cgroup.kill", "1");
    kill_in_rounds(group);
    remove_group(dir.fd(), name);
  }
  ::closedir(list);
}

} // namespace ocw::launcher
