#pragma once

#include <string>
#include <vector>

#include <linux/filter.h>

namespace ocw::launcher {

/// A seccomp program, as seccomp(2) takes it.
using seccomp_program = std::vector<sock_filter>;

/// What a filter has to do because no namespace does it.
struct seccomp_plan {
  bool no_tracing = false; ///< no looking into other processes
  bool no_inet = false;    ///< no sockets but Unix ones
  bool no_memfd = false;   ///< no files that are in no file system
};

/// Compiles the filter for jobs. Empty, with the reason in `why_not`, when that
/// fails.
seccomp_program compile_seccomp(const seccomp_plan& plan, std::string& why_not);

} // namespace ocw::launcher
