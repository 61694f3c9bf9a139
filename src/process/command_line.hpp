#pragma once

#include "ocw/messages/session.hpp"
#include "process/session_directory.hpp"

#include <caf/expected.hpp>

#include <string>
#include <vector>

namespace ocw {

/// What exec is given.
struct command_line {
  std::string program; ///< absolute
  std::vector<std::string> argv;
  std::vector<std::string> environment; ///< "NAME=value"
};

/// What runs a `command`: bash, else sh.
const std::string& shell_program();

/// Whether the input of a job that is held so has to come through a pipe, even
/// where all of it is known.
bool takes_pipes_only(uint64_t mechanisms);

/// Turns a job into a program to run: `command` by `bash -c` (else `sh -c`),
/// `argv` as it is, its program looked up in the job's own PATH. The
/// environment is the clean base, with the way to the proxy where `mechanisms`
/// has `egress_proxy`, then `env`, then `secrets`; nothing of the worker's own.
/// `ec::not_found` when there is no such program. `layout` is what the job
/// sees, `work_here` where its work/ is for this process.
caf::expected<command_line> command_line_of(const session_task& task,
                                            const session_layout& layout,
                                            const std::string& work_here,
                                            uint64_t mechanisms);

/// Encodes a job for its shim, as `wire::job_spec` says; it is held by `hold`.
std::string encode_job(const session_task& task, const session_layout& layout,
                       const command_line& line, const session_config& settings,
                       const std::string& spool_prefix,
                       const session_hold& hold);

} // namespace ocw
