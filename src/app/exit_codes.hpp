#pragma once

#include "app/connection.hpp"
#include "ocw/errors.hpp"
#include "ocw/messages/job.hpp"

namespace ocw {

// What the command line ends with. A job's own exit code passes through `run`
// as it is; these are the others, as timeout(1), env(1) and shells have them.
inline constexpr auto exit_ok = 0;
inline constexpr auto exit_failed = 1;          ///< the operation failed
inline constexpr auto exit_usage = 2;           ///< the command line is wrong
inline constexpr auto exit_timeout = 124;       ///< a time limit of the job
inline constexpr auto exit_system_failed = 125; ///< not the job's fault
inline constexpr auto exit_refused = 126;       ///< by the command policy
inline constexpr auto exit_cancelled = 130;

namespace detail {

/// The process's own exit code where it tells of a failure.
constexpr int own_exit_code(const job_result& result) {
  return result.exit_code > 0 && result.exit_code < 256 ? result.exit_code
                                                        : exit_failed;
}

constexpr int exit_code_of_failure(const job_result& result) {
  switch (result.reason ? result.reason->code : reason_code::internal) {
  case reason_code::policy_denied:
    return exit_refused;
  case reason_code::isolation_unavailable:
  case reason_code::worker_lost:
  case reason_code::launcher_lost:
  case reason_code::prepare_failed:
  case reason_code::internal:
    return exit_system_failed;
  default:
    return own_exit_code(result);
  }
}

} // namespace detail

/// What `run` ends with when its job ended so.
constexpr int exit_code_of(const job_result& result) {
  switch (result.status) {
  case job_status::finished:
    return exit_ok;
  case job_status::timeout:
    return exit_timeout;
  case job_status::cancelled:
    return exit_cancelled;
  case job_status::failed:
    return detail::exit_code_of_failure(result);
  case job_status::pending:
  case job_status::running:
    break;
  }
  return exit_system_failed;
}

/// What `run` ends with when its job never came to be, or got lost.
inline int exit_code_of_run(const caf::error& err) {
  switch (code_of(err)) {
  case ec::invalid_request:
  case ec::limit_exceeded:
    return exit_usage;
  case ec::policy_denied:
    return exit_refused;
  default:
    return exit_system_failed;
  }
}

/// What every other command ends with after an error.
inline int exit_code_of_command(const caf::error& err) {
  return is_unreachable(err) ? exit_system_failed : exit_failed;
}

} // namespace ocw
