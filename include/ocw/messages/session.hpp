#pragma once

#include "ocw/messages/job.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace ocw {

class history; // src/store/history.hpp

/// A job's limits after the node's defaults were filled in; every number is in
/// force. 0 = no limit where the field says so.
struct effective_limits {
  double cpu_cores = 0;
  uint64_t memory_mib = 0;
  uint64_t timeout_ms = 0;
  uint64_t output_bytes = 0;
  uint64_t disk_bytes = 0;       ///< 0 = no limit
  uint32_t pids = 0;             ///< 0 = no limit
  uint64_t queue_timeout_ms = 0; ///< 0 = no limit
  uint64_t idle_timeout_ms = 0;  ///< 0 = no limit
};

/// Everything a session needs to know of its job.
struct session_task {
  std::shared_ptr<const job_request> request;
  std::shared_ptr<const job_record> record; ///< as it was when it got its slot
  effective_limits limits;
  std::shared_ptr<history> follow; ///< where phases and output are told
};

/// Asks the supervisor to run a job in a new session. Reports go to the
/// sender: `phase_reached` for each phase, then one `session_ended`.
struct open_session {
  std::shared_ptr<const session_task> task;
};

/// Stops a session: TERM, grace, KILL; then it collects what there is. The
/// first reason wins; stopping twice, or an unknown session, is harmless.
struct stop_session {
  std::string session_id;
  reason_code code = reason_code::cancelled;
  std::string message;
};

/// Bytes for a session's standard input.
struct feed_session {
  std::string session_id;
  std::string bytes;
  bool eof = false;
};

/// A session got on.
struct phase_reached {
  std::string job_id;
  phase_mark mark;
};

/// A session is gone, and so is everything it had. `record` has the job's
/// final state in it.
struct session_ended {
  std::shared_ptr<const job_record> record;
};

/// Whether sessions can be run here; sent whenever it changes.
struct launcher_state {
  bool up = false;
  std::string detail;
};

template <class Inspector>
bool inspect(Inspector& f, stop_session& x) {
  return f.object(x).fields(f.field("session_id", x.session_id),
                            f.field("code", x.code),
                            f.field("message", x.message));
}

template <class Inspector>
bool inspect(Inspector& f, feed_session& x) {
  return f.object(x).fields(f.field("session_id", x.session_id),
                            f.field("bytes", x.bytes), f.field("eof", x.eof));
}

template <class Inspector>
bool inspect(Inspector& f, phase_reached& x) {
  return f.object(x).fields(f.field("job_id", x.job_id),
                            f.field("mark", x.mark));
}

template <class Inspector>
bool inspect(Inspector& f, launcher_state& x) {
  return f.object(x).fields(f.field("up", x.up), f.field("detail", x.detail));
}

} // namespace ocw
