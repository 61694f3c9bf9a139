#pragma once

#include "launcher/fd.hpp"
#include "launcher/wire.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

// What the drivers of both versions do with a control group file system: find
// it, make and remove groups, read and write the small files in them.

namespace ocw::launcher {

/// What a hierarchy is used for: bits of wire::mechanism, and these.
inline constexpr uint64_t counts_cpu = 1ull << 62;
inline constexpr uint64_t counts_io = 1ull << 63;

/// How the two versions name a use, and the file it is of no use without.
struct cgroup_use {
  uint64_t bit;
  const char* label; ///< null: nobody asks for it by name
  const char* v1_name;
  const char* v1_file;
  const char* v2_name; ///< empty: needs no controller
  const char* v2_file;
};
inline constexpr cgroup_use cgroup_uses[] = {
  {wire::cgroup_memory, "cgroup_memory", "memory", "memory.limit_in_bytes",
   "memory", "memory.max"},
  {wire::cgroup_cpu, "cgroup_cpu", "cpu", "cpu.cfs_quota_us", "cpu", "cpu.max"},
  {wire::cgroup_pids, "cgroup_pids", "pids", "pids.max", "pids", "pids.max"},
  {wire::cgroup_kill, "cgroup_kill", "freezer", "freezer.state", "",
   "cgroup.kill"},
  {counts_cpu, nullptr, "cpuacct", "cpuacct.usage", "", "cpu.stat"},
  {counts_io, nullptr, "", "", "io", "io.stat"},
};

/// A control group file system that is mounted here.
struct cgroup_mount {
  std::string point;
  std::string own;   ///< this process's group below `point`: "" or "/a/b"
  uint64_t uses = 0; ///< of version 1: what its controllers are good for
  bool unified = false;
};

/// Reads /proc/self/mountinfo (proc(5)) and /proc/self/cgroup (cgroups(7)).
std::vector<cgroup_mount> find_cgroup_mounts(const std::string& mountinfo,
                                             const std::string& self_cgroup);

std::string read_all(int fd);
std::vector<std::string_view> split(std::string_view text, char separator);

/// The number behind `key` and a space at the beginning of a line, or without
/// a key that at the beginning of the text. 0 when there is none, as in "max".
uint64_t number_in(std::string_view text, std::string_view key = {});

/// One group, by its open directory, so that it is found from any mount
/// namespace. Its files are opened when they are first used and stay open.
class cgroup_dir {
public:
  cgroup_dir() = default;
  explicit cgroup_dir(unique_fd fd) : fd_(std::move(fd)) {}

  /// Opens `name` in `parent`, and makes it when it is not there. 0 or errno.
  int make(int parent, const std::string& name);

  int fd() const { return fd_.get(); }
  int file(const char* name) const; ///< its descriptor, or -errno
  bool has(const char* name) const { return file(name) >= 0; }
  std::string read(const char* name) const; ///< empty when it cannot
  uint64_t number(const char* name, std::string_view key = {}) const;
  int write(const char* name, const std::string& text) const; ///< 0 or errno
  std::vector<pid_t> processes() const;

private:
  struct open_file {
    const char* name; // a literal
    unique_fd fd;
    int error;
  };

  unique_fd fd_;
  mutable std::vector<open_file> files_;
};

/// KILLs everybody in `group` until nobody is left or 2 s are over. Returns how
/// many there were.
uint32_t kill_in_rounds(const cgroup_dir& group);

/// Removes an empty group. One that was emptied just now may take a moment.
int remove_group(int parent, const std::string& name);

/// Removes the groups below `dir`, with whoever is inside; with `only_after`
/// those of them that are called this and a number.
void clear_group(const cgroup_dir& dir, const std::string& only_after = {});

} // namespace ocw::launcher
