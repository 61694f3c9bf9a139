#pragma once

#include "launcher/fd.hpp"

#include <string>
#include <vector>

namespace ocw::launcher {

/// Landlock's ABI version on this kernel; 0 where there is none. landlock(7).
int landlock_abi();

/// What a job may do with files where it has no root of its own.
struct landlock_plan {
  std::vector<std::string> readable; ///< trees: read and execute
  std::vector<std::string> writable; ///< trees: everything
  bool no_network = false;           ///< no TCP; UDP is not Landlock's
};

/// A ruleset for landlock_restrict_self(2). Paths that are not there are left
/// out. Empty, and errno, on failure.
unique_fd make_landlock(const landlock_plan& plan);

/// What may be executed by a job; besides `make_landlock`, or without.
struct exec_plan {
  std::vector<std::string> programs; ///< nothing else
  std::vector<std::string> unread;   ///< directories whose other files cannot
                                     ///< be read either; empty: reading is free
};

/// A ruleset for landlock_restrict_self(2), for any number of jobs. Programs
/// that are not there are left out. Empty, and errno, on failure.
unique_fd make_exec_rules(const exec_plan& plan);

} // namespace ocw::launcher
