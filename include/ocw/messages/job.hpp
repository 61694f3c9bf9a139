#pragma once

#include "ocw/messages/job_request.hpp"
#include "ocw/messages/job_words.hpp"
#include "ocw/messages/values.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ocw {

/// Why a job ended so, and what to do about it.
struct end_reason {
  reason_code code = reason_code::none;
  std::string message;
  std::string hint;
};

/// One output stream as it was kept.
struct stream_digest {
  uint64_t bytes = 0;
  std::string sha256;     ///< of the kept bytes, lower-case hex
  bool truncated = false; ///< cut at the output limit
};

struct output_digests {
  stream_digest out;
  stream_digest err;
};

/// One collected file.
struct artifact_info {
  std::string path; ///< relative to the session's output/ or work/
  uint64_t size = 0;
  std::string sha256;
};

struct job_metrics {
  uint64_t duration_ms = 0; ///< from the start of INIT to the end of DESTROY
  std::string worker_id;
  uint64_t queue_ms = 0;
  uint64_t prepare_ms = 0;
  uint64_t execute_ms = 0;
  uint64_t collect_ms = 0;
  uint64_t destroy_ms = 0;
  uint64_t cpu_time_ms = 0; ///< user and system, of the whole tree
  uint64_t memory_peak_mb = 0;
  uint64_t disk_used_mb = 0; ///< at its end, where limits.disk holds it
};

/// What kept this job apart from the rest of the machine.
struct isolation_report {
  std::string tier = "process";
  std::vector<std::string> layers;
};

/// What was left of the job when it ended, and what became of it.
struct teardown_report {
  uint32_t killed = 0;    ///< processes that had to be killed
  uint32_t survivors = 0; ///< processes still there afterwards; 0 or a bug
  bool directory_removed = false;
};

/// When a session reached a phase.
struct phase_mark {
  phase reached = phase::init;
  int64_t unix_ms = 0;
};

/// All that is kept of a job besides its request and its output. What the
/// doors show are projections of this: `job_state` and `job_result`.
struct job_record {
  std::string job_id;
  std::string session_id; ///< minted when the job is accepted
  std::string worker_id;
  job_status status = job_status::pending;
  uint32_t attempt = 0; ///< sessions started for this job
  int64_t created_unix_ms = 0;
  int64_t started_unix_ms = 0;  ///< 0 = never started
  int64_t finished_unix_ms = 0; ///< 0 = not ended
  std::vector<phase_mark> phases;
  uint64_t output_events = 0; ///< final count of output events; see history
  int32_t exit_code = -1;     ///< 128+N for signal N; -1 = never started
  end_reason reason;
  output_digests output;
  std::vector<artifact_info> artifacts;
  std::string artifacts_missing; ///< what could not be kept, and why
  job_metrics metrics;
  isolation_report isolation;
  teardown_report teardown;
  std::map<std::string, std::string> labels;
  json_text metadata;
};

/// A job as `GET /v1/jobs/{id}` shows it.
struct job_state {
  std::string job_id;
  job_status status = job_status::pending;
  std::optional<phase> at_phase;
  std::string session_id;
  std::string worker_id;
  uint32_t attempt = 0;
  timestamp created_at;
  timestamp started_at;
  timestamp finished_at;
  std::optional<end_reason> reason;
  job_metrics metrics;
  std::map<std::string, std::string> labels;
  json_text metadata;
};

/// A job's end as `GET /v1/jobs/{id}/output` shows it.
struct job_result {
  std::string job_id;
  std::string session_id;
  job_status status = job_status::failed;
  int32_t exit_code = -1;
  std::optional<end_reason> reason;
  std::optional<lossy_text> stdout_text; ///< at most 1 MiB; absent in events
  std::optional<lossy_text> stderr_text;
  bool truncated_in_response = false; ///< the texts are shorter than the logs
  std::vector<std::string> artifacts;
  std::string artifacts_missing; ///< what could not be kept, and why
  output_digests output;
  job_metrics metrics;
  isolation_report isolation;
  teardown_report teardown;
  std::map<std::string, std::string> labels;
  json_text metadata;
};

/// Projections of a record. `state_of` shows only what a job has so far.
job_state state_of(const job_record& record);
job_result result_of(const job_record& record);

// -- inspection ---------------------------------------------------------------

template <class Inspector>
bool inspect(Inspector& f, end_reason& x) {
  return f.object(x).fields(f.field("code", x.code),
                            f.field("message", x.message),
                            f.field("hint", x.hint));
}

template <class Inspector>
bool inspect(Inspector& f, stream_digest& x) {
  return f.object(x).fields(f.field("bytes", x.bytes),
                            f.field("sha256", x.sha256),
                            f.field("truncated", x.truncated));
}

template <class Inspector>
bool inspect(Inspector& f, output_digests& x) {
  return f.object(x).fields(f.field("stdout", x.out), f.field("stderr", x.err));
}

template <class Inspector>
bool inspect(Inspector& f, artifact_info& x) {
  return f.object(x).fields(f.field("path", x.path), f.field("size", x.size),
                            f.field("sha256", x.sha256));
}

template <class Inspector>
bool inspect(Inspector& f, job_metrics& x) {
  return f.object(x).fields(
    f.field("duration_ms", x.duration_ms), f.field("worker_id", x.worker_id),
    f.field("queue_ms", x.queue_ms), f.field("prepare_ms", x.prepare_ms),
    f.field("execute_ms", x.execute_ms), f.field("collect_ms", x.collect_ms),
    f.field("destroy_ms", x.destroy_ms), f.field("cpu_time_ms", x.cpu_time_ms),
    f.field("memory_peak_mb", x.memory_peak_mb),
    // Not there in what older nodes stored.
    f.field("disk_used_mb", x.disk_used_mb).fallback(uint64_t{0}));
}

template <class Inspector>
bool inspect(Inspector& f, isolation_report& x) {
  return f.object(x).fields(f.field("tier", x.tier),
                            f.field("layers", x.layers));
}

template <class Inspector>
bool inspect(Inspector& f, teardown_report& x) {
  return f.object(x).fields(f.field("killed", x.killed),
                            f.field("survivors", x.survivors),
                            f.field("directory_removed", x.directory_removed));
}

template <class Inspector>
bool inspect(Inspector& f, phase_mark& x) {
  return f.object(x).fields(f.field("phase", x.reached),
                            f.field("unix_ms", x.unix_ms));
}

template <class Inspector>
bool inspect(Inspector& f, job_record& x) {
  return f.object(x).fields(
    f.field("job_id", x.job_id), f.field("session_id", x.session_id),
    f.field("worker_id", x.worker_id), f.field("status", x.status),
    f.field("attempt", x.attempt),
    f.field("created_unix_ms", x.created_unix_ms),
    f.field("started_unix_ms", x.started_unix_ms),
    f.field("finished_unix_ms", x.finished_unix_ms),
    f.field("phases", x.phases), f.field("output_events", x.output_events),
    f.field("exit_code", x.exit_code), f.field("reason", x.reason),
    f.field("output", x.output), f.field("artifacts", x.artifacts),
    f.field("artifacts_missing", x.artifacts_missing).fallback(std::string{}),
    f.field("metrics", x.metrics), f.field("isolation", x.isolation),
    f.field("teardown", x.teardown), f.field("labels", x.labels),
    f.field("metadata", x.metadata));
}

template <class Inspector>
bool inspect(Inspector& f, job_state& x) {
  return f.object(x).fields(
    f.field("job_id", x.job_id), f.field("status", x.status),
    f.field("phase", x.at_phase), f.field("session_id", x.session_id),
    f.field("worker_id", x.worker_id), f.field("attempt", x.attempt),
    f.field("created_at", x.created_at), f.field("started_at", x.started_at),
    f.field("finished_at", x.finished_at), f.field("reason", x.reason),
    f.field("metrics", x.metrics), f.field("labels", x.labels),
    f.field("metadata", x.metadata));
}

template <class Inspector>
bool inspect(Inspector& f, job_result& x) {
  return f.object(x).fields(
    f.field("job_id", x.job_id), f.field("session_id", x.session_id),
    f.field("status", x.status), f.field("exit_code", x.exit_code),
    f.field("reason", x.reason), f.field("stdout", x.stdout_text),
    f.field("stderr", x.stderr_text),
    f.field("truncated_in_response", x.truncated_in_response),
    f.field("artifacts", x.artifacts),
    f.field("artifacts_missing", x.artifacts_missing).fallback(std::string{}),
    f.field("output", x.output), f.field("metrics", x.metrics),
    f.field("isolation", x.isolation), f.field("teardown", x.teardown),
    f.field("labels", x.labels), f.field("metadata", x.metadata));
}

} // namespace ocw
