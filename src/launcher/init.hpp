#pragma once

#include "launcher/child.hpp"

namespace ocw::launcher {

struct main_start {
  pid_t pid = -1; ///< as its parent sees it; -1: `failure` says why
  wire::start_failure failure;
};

/// Starts the main process itself, as a child of the caller, and waits for its
/// exec. `parent` is the caller's pid as the child sees it.
main_start start_main(const child_plan& plan, pid_t parent, int* pidfd);

/// Starts the init of a pid namespace, which makes the session's root and
/// network and then starts the main process in it.
child_start start_init(const child_plan& plan, init_report& report);

} // namespace ocw::launcher
