#pragma once

#include "launcher/cgroup.hpp"
#include "launcher/child.hpp"

#include <cstdint>
#include <vector>

#include <sys/types.h>

namespace ocw::launcher {

/// What the processes that were waited for have used.
struct process_usage {
  uint64_t user_us = 0;
  uint64_t system_us = 0;
  uint64_t peak_kb = 0; ///< the largest single process
};

/// All processes below this one, which must be a child subreaper: whoever
/// escapes from a group or a session is still found here, because orphans
/// become its children. One job, one thread.
class process_tree {
public:
  /// `main` is a child of this process. It leads the job's process group, or,
  /// if `inside` is not null, is the init of its pid namespace. `groups` are
  /// the job's, or null.
  process_tree(pid_t main, const init_report* inside, job_cgroup* groups)
    : main_(main), inside_(inside), groups_(groups) {}

  /// Sends `signal` to every living process below this one, once each.
  void signal_all(int signal);

  /// Waits for whatever has ended, without blocking. False when no child is
  /// left, and then no descendant either.
  bool reap();

  /// KILLs and reaps until nothing is left or `patience_ms` is over. Returns
  /// how many processes outlived that.
  uint32_t kill_rest(int64_t patience_ms);

  /// Private resident memory of all processes together.
  uint64_t resident_kb() const;

  /// True once the main process, or its init, was waited for; then
  /// `main_status` is its status as wait(2) gives it.
  bool main_reaped() const { return main_reaped_; }
  int main_status() const { return main_status_; }

  /// Processes that were sent a signal, each counted once.
  uint32_t signalled() const {
    return static_cast<uint32_t>(seen_.size())
           + (inside_ != nullptr ? inside_->killed : 0);
  }
  const process_usage& usage() const { return usage_; }

private:
  void remember(const std::vector<pid_t>& pids);

  pid_t main_;
  const init_report* inside_;
  job_cgroup* groups_;
  bool main_reaped_ = false;
  int main_status_ = 0;
  process_usage usage_;
  std::vector<pid_t> seen_; // sorted
};

} // namespace ocw::launcher
