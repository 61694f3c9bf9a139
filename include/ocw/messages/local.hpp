#pragma once

#include "ocw/config.hpp"
#include "ocw/messages/operations.hpp"
#include "ocw/messages/session.hpp"

#include <caf/error.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ocw {

// Messages that never leave their process: answers from the shim link, the
// file workers and the store.

/// A session's directory is ready.
struct prepare_done {
  caf::error error; ///< none: it is there
};

/// A session's process could not be started.
struct start_refused {
  std::string stage; ///< what was being done, such as "exec"
  int error_number = 0;
  bool launcher_lost = false; ///< the shim went away before it began
};

/// How a session's process ended; the node's reading of the shim's record.
struct process_end {
  int64_t started_unix_ms = 0;
  int64_t ended_unix_ms = 0;
  reason_code stopped_for = reason_code::none; ///< none: it ended by itself
  int32_t exit_code = -1;                      ///< 128+N for signal N
  bool signalled = false;
  uint64_t stdout_bytes = 0;
  uint64_t stderr_bytes = 0;
  bool stdout_truncated = false;
  bool stderr_truncated = false;
  uint64_t cpu_time_us = 0;
  uint64_t memory_peak_kb = 0;
  uint64_t disk_bytes = 0; ///< in its session, where limits.disk holds it
  uint32_t disk_files = 0;
  uint32_t killed = 0;
  uint32_t survivors = 0;
  uint64_t cells = 0;
  std::string detail; ///< for faults: what went wrong
};

struct process_ended {
  process_end end;
};

/// A session's artifacts and digests.
struct collect_done {
  output_digests output;
  std::vector<artifact_info> artifacts;
  std::string warning;     ///< what could not be collected, and why
  bool store_full = false; ///< for lack of room on the node's disk
};

/// A session's directory is gone.
struct destroy_done {
  bool directory_removed = false;
};

/// Runs a continuation inside the actor it is sent to: how answers from other
/// threads (the store's) come home to the state they belong to.
struct resume_work {
  std::function<void()> run;
};

/// A job as it comes back from the store after a restart.
struct stored_job {
  job_record record;
  job_request request; ///< with its secrets, decrypted
};

/// What an earlier run of this node left unfinished, from the store, oldest
/// first. Sent once, when everything else is ready.
struct recover_jobs {
  std::vector<stored_job> jobs;
};

/// Settings that can change while the node runs have changed.
struct settings_changed {
  std::shared_ptr<const config> settings;
};

/// There is more in a history than a streamer has sent.
struct history_grew {};

/// Asks the dispatcher to finish: no new jobs; running ones get
/// `patience_ms`, then they are cancelled.
struct drain_node {
  uint64_t patience_ms = 0;
};

template <class Inspector>
bool inspect(Inspector& f, drain_node& x) {
  return f.object(x).fields(f.field("patience_ms", x.patience_ms));
}

} // namespace ocw
