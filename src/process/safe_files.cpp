#include "process/safe_files.hpp"

#include "ocw/errors.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

namespace ocw {

namespace {

caf::error failed_on(const std::string& path, int number) {
  const auto code = number == ENOENT                       ? ec::not_found
                    : number == ENOSPC || number == EDQUOT ? ec::unavailable
                                                           : ec::forbidden;
  return make_error(code, "'" + path + "': " + std::strerror(number));
}

int open_beneath(int directory, const char* path, int flags, mode_t mode) {
  auto how = open_how{};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(
    ::syscall(SYS_openat2, directory, path, &how, sizeof(how)));
}

// What this process makes for somebody belongs to whom the directory belongs.
int belong_as(int holder, int made) {
  struct stat owner {};
  if (::fstat(holder, &owner) != 0)
    return errno;
  if (owner.st_uid == ::geteuid() && owner.st_gid == ::getegid())
    return 0;
  return ::fchown(made, owner.st_uid, owner.st_gid) == 0 ? 0 : errno;
}

// The last name of a path, and the open directory it is in; none, and errno,
// when that cannot be opened beneath `directory`.
struct file_place {
  unique_fd holder;
  std::string name;
};

file_place place_below(int directory, const std::string& path) {
  const auto slash = path.rfind('/');
  const auto top = slash == std::string::npos;
  const auto holder = top ? std::string{"."} : path.substr(0, slash);
  return {
    unique_fd{open_beneath(directory, holder.c_str(), O_PATH | O_DIRECTORY, 0)},
    top ? path : path.substr(slash + 1)};
}

// Makes one directory after the other, each opened beneath the first.
caf::error make_parents(int directory, const std::string& path) {
  for (auto slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    const auto parent = path.substr(0, slash);
    if (auto there = unique_fd{
          open_beneath(directory, parent.c_str(), O_PATH | O_DIRECTORY, 0)})
      continue;
    if (errno != ENOENT)
      return failed_on(parent, errno);
    const auto place = place_below(directory, parent);
    if (!place.holder
        || (::mkdirat(place.holder.get(), place.name.c_str(), 0755) != 0
            && errno != EEXIST))
      return failed_on(parent, errno);
    const auto made = unique_fd{
      open_beneath(directory, parent.c_str(), O_RDONLY | O_DIRECTORY, 0)};
    if (const auto failed
        = made ? belong_as(place.holder.get(), made.get()) : errno)
      return failed_on(parent, failed);
  }
  return {};
}

// Takes away what is there under the name of a file that is to be written.
caf::error clear_name(int directory, const std::string& path) {
  const auto place = place_below(directory, path);
  if (!place.holder
      || (::unlinkat(place.holder.get(), place.name.c_str(), 0) != 0
          && errno != ENOENT))
    return failed_on(path, errno);
  return {};
}

/// Empties a directory, depth-first without recursion: a hostile tree may be
/// thousands deep. Each level is entered by descriptor, emptied of what is not
/// a directory, and removed from its parent on the way up. What is too deep for
/// the number of descriptors is moved to the top, and looked at there.
class tree_remover {
public:
  explicit tree_remover(int root) {
    struct stat what {};
    ::fstat(root, &what);
    device_ = what.st_dev;
    ::fchmod(root, 0700);
    levels_.push_back({::fdopendir(root), {}});
  }

  /// False when something is left.
  bool run() {
    while (!levels_.empty()) {
      if (const auto* entry = ::readdir(levels_.back().entries))
        remove(entry->d_name);
      else if (levels_.size() == 1 && std::exchange(moved_up_, false))
        ::rewinddir(levels_.back().entries);
      else
        leave();
    }
    return clean_;
  }

private:
  struct level {
    DIR* entries;
    std::string name;
  };

  void remove(const std::string& name) {
    if (name == "." || name == "..")
      return;
    const auto at = ::dirfd(levels_.back().entries);
    if (::unlinkat(at, name.c_str(), 0) == 0)
      return;
    struct stat what {};
    if (::fstatat(at, name.c_str(), &what, AT_SYMLINK_NOFOLLOW) != 0
        || !S_ISDIR(what.st_mode) || what.st_dev != device_) {
      clean_ = false;
      return;
    }
    ::fchmodat(at, name.c_str(), 0700, 0);
    if (levels_.size() >= most_levels)
      return move_up(at, name);
    const auto fd = ::openat(at, name.c_str(),
                             O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
      clean_ = false;
    else
      levels_.push_back({::fdopendir(fd), name});
  }

  void move_up(int at, const std::string& name) {
    const auto top = ::dirfd(levels_.front().entries);
    for (;;) {
      const auto place = "deep-" + std::to_string(++moves_);
      if (::renameat2(at, name.c_str(), top, place.c_str(), RENAME_NOREPLACE)
          == 0) {
        moved_up_ = true;
        return;
      }
      if (errno != EEXIST) {
        clean_ = false;
        return;
      }
    }
  }

  void leave() {
    const auto done = std::move(levels_.back());
    ::closedir(done.entries);
    levels_.pop_back();
    if (!levels_.empty()
        && ::unlinkat(::dirfd(levels_.back().entries), done.name.c_str(),
                      AT_REMOVEDIR)
             != 0)
      clean_ = false;
  }

  static constexpr size_t most_levels = 100;

  std::vector<level> levels_;
  dev_t device_ = 0;
  bool clean_ = true;
  bool moved_up_ = false;
  uint64_t moves_ = 0;
};

} // namespace

caf::expected<unique_fd> open_below(int directory, const std::string& path,
                                    int flags, mode_t mode) {
  auto fd = unique_fd{open_beneath(directory, path.c_str(), flags, mode)};
  if (!fd)
    return failed_on(path, errno);
  return fd;
}

int write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR)
      return errno;
    if (written > 0)
      bytes.remove_prefix(static_cast<size_t>(written));
  }
  return 0;
}

caf::error write_below(int directory, const std::string& path,
                       std::string_view bytes, mode_t mode,
                       existing_file existing) {
  if (auto failed = make_parents(directory, path))
    return failed;
  if (existing == existing_file::replaced)
    if (auto failed = clear_name(directory, path))
      return failed;
  auto file = open_below(directory, path,
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  if (!file)
    return std::move(file.error());
  if (const auto failed = write_all(file->get(), bytes))
    return failed_on(path, failed);
  // Before the mode, which a change of owner would take bits from. The umask
  // took some that were asked for.
  if (const auto failed = belong_as(directory, file->get()))
    return failed_on(path, failed);
  if (::fchmod(file->get(), mode) != 0)
    return failed_on(path, errno);
  return {};
}

caf::expected<unique_fd> file_holding(std::string_view bytes) {
  auto file = unique_fd{::memfd_create("ocw-stdin", MFD_CLOEXEC)};
  if (!file)
    return failed_on("standard input", errno);
  if (const auto failed = write_all(file.get(), bytes))
    return failed_on("standard input", failed);
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

bool remove_tree(const std::string& path) {
  const auto root
    = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (root < 0)
    return errno == ENOENT;
  const auto emptied = tree_remover{root}.run();
  return ::rmdir(path.c_str()) == 0 && emptied;
}

// The tree was written by this process a moment ago and nobody else can reach
// it yet, so names can be trusted here.
bool give_tree(const std::string& path, uint32_t uid, uint32_t gid) {
  if (::lchown(path.c_str(), uid, gid) != 0)
    return false;
  auto failed = std::error_code{};
  for (auto at = std::filesystem::recursive_directory_iterator(path, failed);
       !failed && at != std::filesystem::recursive_directory_iterator{};
       at.increment(failed))
    if (::lchown(at->path().c_str(), uid, gid) != 0)
      return false;
  return !failed;
}

} // namespace ocw
