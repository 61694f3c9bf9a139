#pragma once

#include "ocw/config.hpp"
#include "ocw/messages/job_request.hpp"

#include <caf/error.hpp>

#include <string>
#include <vector>

namespace ocw {

/// What has to be executable, and visible, for programs of these names to run:
/// the files of that name in the standard directories, the links that lead to
/// them, what their first line names if they are scripts, and the loaders of
/// dynamic programs. Also `true`, which launchers try their isolation with.
/// Sorted absolute paths whose directories are no links; names that are not on
/// this machine are left out.
std::vector<std::string> programs_named(const std::vector<std::string>& names);

/// Refuses a job, with `ec::policy_denied`, whose own program is none that
/// `security.exec_policy` lets be executed. What that program starts is for the
/// kernel to judge.
caf::error check_main_program(const job_request& request,
                              const security_config& settings);

} // namespace ocw
