#pragma once

#include <sys/types.h>

#include <utility>
#include <vector>

namespace ocw::launcher {

/// The launcher's children: its shims, and nobody else. When a shim is killed,
/// what it left of its job becomes the launcher's, a child subreaper, and is
/// killed here.
class shim_census {
public:
  /// A shim that was just forked.
  void add(pid_t shim) { shims_.push_back(shim); }

  /// Waits for whatever has ended, without blocking, and kills every child
  /// that is not a shim. To be called after SIGCHLD. False when no child is
  /// left.
  bool settle();

  /// The shims that were killed since the last call.
  std::vector<pid_t> take_lost() { return std::exchange(lost_, {}); }

private:
  std::vector<pid_t> shims_;
  std::vector<pid_t> lost_;
};

} // namespace ocw::launcher
