#include "launcher/session_disk.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstring>

namespace ocw::launcher {
namespace {

bool configure(int context, const char* key, const std::string& value) {
  return ::syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, key,
                   value.c_str(), 0)
         == 0;
}

} // namespace

unique_fd make_disk(const wire::disk_request& wanted) {
  const unique_fd context{
    static_cast<int>(::syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC))};
  if (!context
      || !configure(context.get(), "size", std::to_string(wanted.size_bytes))
      || !configure(context.get(), "nr_inodes", std::to_string(wanted.inodes))
      || !configure(context.get(), "mode", "0700")
      || ::syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr,
                   nullptr, 0)
           != 0)
    return {};
  return unique_fd{
    static_cast<int>(::syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC,
                               MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV))};
}

disk_use use_of_disk(int disk) {
  struct statfs what {};
  if (::fstatfs(disk, &what) != 0)
    return {};
  return {(what.f_blocks - what.f_bfree) * static_cast<uint64_t>(what.f_bsize),
          what.f_files - what.f_ffree};
}

bool is_full_disk(int disk) {
  struct statfs what {};
  return ::fstatfs(disk, &what) == 0
         && (what.f_bfree == 0 || what.f_ffree == 0);
}

// -- where no file system holds it --------------------------------------------

void disk_look::enter(int at, const char* name) {
  const auto fd = ::openat(
    at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0)
    return;
  if (auto* entries = ::fdopendir(fd))
    levels_.emplace_back(entries);
  else
    ::close(fd);
}

void disk_look::visit(int at, const char* name) {
  struct stat what {};
  if (std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0
      || ::fstatat(at, name, &what, AT_SYMLINK_NOFOLLOW) != 0)
    return;
  ++seen_.files;
  // A file with several names is met under each of them.
  const auto bytes = static_cast<uint64_t>(what.st_blocks) * 512;
  seen_.bytes += S_ISDIR(what.st_mode) || what.st_nlink == 0
                   ? bytes
                   : bytes / what.st_nlink;
  if (S_ISDIR(what.st_mode) && levels_.size() < max_depth)
    enter(at, name);
}

bool disk_look::go_on(unsigned entries) {
  if (levels_.empty()) {
    seen_ = {};
    enter(AT_FDCWD, top_.c_str());
  }
  while (!levels_.empty() && entries-- > 0) {
    auto* level = levels_.back().get();
    if (const auto* entry = ::readdir(level))
      visit(::dirfd(level), entry->d_name);
    else
      levels_.pop_back();
  }
  return levels_.empty();
}

} // namespace ocw::launcher
