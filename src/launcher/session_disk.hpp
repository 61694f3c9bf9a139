#pragma once

#include "launcher/fd.hpp"
#include "launcher/wire.hpp"

#include <dirent.h>

#include <memory>
#include <string>
#include <vector>

namespace ocw::launcher {

/// A tmpfs of this size that is attached nowhere yet, empty, of this process's
/// user. It is gone when neither a descriptor nor a mount holds it. Empty, and
/// errno, on failure. fsopen(2), kernel 5.2
unique_fd make_disk(const wire::disk_request& wanted);

/// What there is below a session's directory.
struct disk_use {
  uint64_t bytes = 0;
  uint64_t files = 0; ///< and everything else that has an inode
};

/// What a disk of `make_disk` holds.
disk_use use_of_disk(int disk);

/// Whether it has no room left, for bytes or for files.
bool is_full_disk(int disk);

/// Adds up what is below a directory where no file system holds it, a bit at a
/// time: a tree of a million files takes seconds, and a shim has other things
/// to do. What is in none of the directories (a file that was removed and is
/// still open), closed to this process, or deeper than `max_depth` is not seen.
class disk_look {
public:
  static constexpr size_t max_depth = 200; ///< one descriptor each

  explicit disk_look(std::string top) : top_(std::move(top)) {}

  /// Looks at up to `entries` more; true when that was all, and the next call
  /// begins anew.
  bool go_on(unsigned entries);

  /// What was seen since the look began.
  const disk_use& seen() const { return seen_; }

private:
  struct closer {
    void operator()(DIR* directory) const { ::closedir(directory); }
  };

  void enter(int at, const char* name);
  void visit(int at, const char* name);

  std::string top_;
  disk_use seen_;
  std::vector<std::unique_ptr<DIR, closer>> levels_;
};

} // namespace ocw::launcher
