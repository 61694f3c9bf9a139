#pragma once

#include <sys/types.h>

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

private:
  std::vector<pid_t> shims_;
};

} // namespace ocw::launcher
