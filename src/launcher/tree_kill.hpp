#pragma once

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
  /// `main` leads the job's process group and is a child of this process.
  explicit process_tree(pid_t main) : main_(main) {}

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

  /// True once the main process was waited for; then `main_status` is its
  /// status as wait(2) gives it.
  bool main_reaped() const { return main_reaped_; }
  int main_status() const { return main_status_; }

  /// Processes that were sent a signal, each counted once.
  uint32_t signalled() const { return static_cast<uint32_t>(seen_.size()); }
  const process_usage& usage() const { return usage_; }

private:
  pid_t main_;
  bool main_reaped_ = false;
  int main_status_ = 0;
  process_usage usage_;
  std::vector<pid_t> seen_; // sorted
};

} // namespace ocw::launcher
