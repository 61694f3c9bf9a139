#pragma once

#include "launcher/fd.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace ocw::launcher {

/// What of a job control groups hold; 0 = no limit.
struct cgroup_limits {
  uint64_t memory_bytes = 0; ///< with swap where that is counted
  uint32_t cpu_millicores = 0;
  uint32_t pids = 0;
};

/// What a job used, as its group counted it; 0 where nothing counts it.
struct cgroup_usage {
  uint64_t cpu_us = 0;
  uint64_t throttled_us = 0;
  uint64_t memory_peak_kb = 0;
  uint64_t io_read_bytes = 0;
  uint64_t io_write_bytes = 0;
  uint64_t oom_kills = 0;    ///< processes the kernel killed for memory
  uint64_t pids_refused = 0; ///< forks that failed at the limit
};

/// The groups of one shim, used for one job after the other. Made once; every
/// call afterwards is a few writes to files that are open already.
class job_cgroup {
public:
  virtual ~job_cgroup() = default; ///< removes the groups; they must be empty

  /// Makes the groups ready for the next job: limits written (only those that
  /// changed), peaks and counters at zero. Returns 0 or errno.
  virtual int prepare(const cgroup_limits& limits) = 0;

  /// Files a process with one thread writes "0" to, each once, to enter. Like
  /// all descriptors given out here, valid until the next `prepare`.
  virtual const std::vector<int>& entries() const = 0;

  /// The directory for clone3's CLONE_INTO_CGROUP, or -1. A process made with
  /// it has entered the last of `entries`. That write takes milliseconds on an
  /// idle machine; the clone does not.
  virtual int clone_directory() const = 0;

  /// A descriptor that poll() reports (`oom_poll_events`) when the kernel has
  /// killed for memory; -1 where nothing tells.
  virtual int oom_fd() const = 0;
  virtual short oom_poll_events() const = 0;

  /// Whether the kernel killed for memory since `prepare`; takes the event off
  /// `oom_fd`.
  virtual bool oom_happened() = 0;

  /// Sends TERM or any other signal to everybody inside. Returns how many.
  virtual uint32_t signal_all(int signal) = 0;

  /// KILLs everybody inside, at once where the kernel can (`cgroup.kill`), with
  /// the freezer or in rounds elsewhere. Returns how many were seen inside.
  virtual uint32_t kill_all() = 0;

  /// Whether nobody is left inside.
  virtual bool empty() const = 0;

  virtual cgroup_usage usage() const = 0;
};

/// The control groups this process may make. Found once, by the launcher,
/// before it leaves the machine's mounts: everything later goes through open
/// directories.
class cgroup_tree {
public:
  virtual ~cgroup_tree() = default; ///< removes its own group if it is empty

  /// Bits of wire::mechanism that are held here.
  virtual uint64_t mechanisms() const = 0;

  /// How it is done, such as "v2", "v1", "v1 limits, v2 kill".
  virtual std::string describe() const = 0;

  /// Groups for one more shim; null, and errno, when they cannot be made. Takes
  /// over those of this number that a dead shim left, with whoever is inside.
  /// They go before the tree goes.
  virtual std::unique_ptr<job_cgroup> make(uint64_t number) = 0;
};

/// Makes the group `name` (without a slash) below the group this process is in,
/// or below the root, in every hierarchy that has something to give, and
/// removes whatever groups an earlier launcher of that name left in it, with
/// the processes inside. `wanted` are the bits of wire::mechanism to use.
/// `why_not` gets a line for each wanted one that is missing: what was tried,
/// what the kernel said. Null when there is nothing to be had.
std::unique_ptr<cgroup_tree>
open_cgroup_tree(const std::string& name, uint64_t wanted,
                 std::vector<std::string>& why_not);

} // namespace ocw::launcher
