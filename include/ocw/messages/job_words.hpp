#pragma once

#include "ocw/enums.hpp"

#include <cstdint>

namespace ocw {

/// Where a job is, as its owner sees it. Every accepted job ends in exactly
/// one of the last four.
enum class job_status : uint8_t {
  pending,   ///< accepted and stored; waits for room
  running,   ///< has a session
  finished,  ///< ended with exit code 0
  failed,    ///< ended otherwise; `reason` says why
  timeout,   ///< ended because a time limit passed
  cancelled, ///< ended because somebody asked
};

template <>
inline constexpr auto enum_words<job_status> = std::to_array<std::string_view>(
  {"pending", "running", "finished", "failed", "timeout", "cancelled"});

constexpr bool is_terminal(job_status status) {
  return status != job_status::pending && status != job_status::running;
}

/// Where a session is. DESTROY is reached on every path:
///
///     INIT → PREPARE → EXECUTE → COLLECT → DESTROY
///        └───────┴─────────┴────────┴────────▲
enum class phase : uint8_t { init, prepare, execute, collect, destroy };

template <>
inline constexpr auto enum_words<phase> = std::to_array<std::string_view>(
  {"INIT", "PREPARE", "EXECUTE", "COLLECT", "DESTROY"});

/// Why a job ended the way it did. `none` is a job that finished.
enum class reason_code : uint8_t {
  none,
  exit_nonzero,
  signal,
  memory_limit,
  output_limit,
  disk_limit,
  pids_limit,
  timeout,
  queue_timeout,
  idle_timeout,
  cancelled,
  policy_denied,
  isolation_unavailable,
  worker_lost,
  launcher_lost,
  prepare_failed,
  internal,
};

template <>
inline constexpr auto enum_words<reason_code> = std::to_array<std::string_view>(
  {"none", "exit_nonzero", "signal", "memory_limit", "output_limit",
   "disk_limit", "pids_limit", "timeout", "queue_timeout", "idle_timeout",
   "cancelled", "policy_denied", "isolation_unavailable", "worker_lost",
   "launcher_lost", "prepare_failed", "internal"});

/// What becomes of a job whose worker is lost.
enum class lost_policy : uint8_t { fail, requeue };

template <>
inline constexpr auto enum_words<lost_policy> = std::to_array<std::string_view>(
  {"fail", "requeue"});

/// What network a job sees.
enum class network_access : uint8_t { restricted, open };

template <>
inline constexpr auto
  enum_words<network_access> = std::to_array<std::string_view>({"restricted",
                                                                "open"});

} // namespace ocw
