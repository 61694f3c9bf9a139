#pragma once

#include "ocw/enums.hpp"
#include "ocw/messages/values.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

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
inline constexpr auto enum_words<lost_policy>
  = std::to_array<std::string_view>({"fail", "requeue"});

/// What network a job sees.
enum class network_access : uint8_t { restricted, open };

template <>
inline constexpr auto enum_words<network_access>
  = std::to_array<std::string_view>({"restricted", "open"});

// -- the request --------------------------------------------------------------

/// What a job may use. An absent limit takes the node's default; a limit over
/// the node's maximum is refused, not clamped.
struct job_limits {
  std::optional<double> cpu_cores;          ///< > 0
  std::optional<mebibyte_size> memory;      ///< whole process tree
  std::optional<uint64_t> timeout_ms;       ///< of EXECUTE
  std::optional<byte_size> max_output_size; ///< stdout and stderr together
  std::optional<byte_size> disk;            ///< work/ and output/ together
  std::optional<uint32_t> pids;             ///< processes and threads at once
  std::optional<uint64_t> queue_timeout_ms; ///< waiting for room
  std::optional<uint64_t> idle_timeout_ms;  ///< without any output
  std::optional<uint32_t> gpus;
  bool operator==(const job_limits&) const = default;
};

/// The session's `opencode.json`, and the network it may use.
struct job_config {
  std::optional<std::string> mode; ///< only "worker"
  std::optional<std::string> provider;
  std::optional<std::string> model;
  std::optional<network_access> network;
  std::optional<bool> telemetry;
  bool operator==(const job_config&) const = default;
};

/// How a job's output is cut into events.
struct stream_options {
  uint32_t chunk_size = 65536; ///< bytes; an event's payload is never longer
  bool capture_stdout = true;
  bool capture_stderr = true;
  bool operator==(const stream_options&) const = default;
};

/// One request to run something. The names and rules are those of the HTTP
/// API; `src/messages/job_request.hpp` checks what a type cannot say.
struct job_request {
  std::string job_id; ///< the idempotency key; empty = a new UUIDv7
  std::optional<std::string> command;
  std::optional<std::vector<std::string>> argv;
  std::optional<std::string> prompt;
  std::map<std::string, file_content> files; ///< path below work/ → content
  std::optional<std::string> workspace; ///< a directory used as work/
  std::optional<stdin_content> stdin_data;
  std::map<std::string, std::string> env;
  std::map<std::string, std::string> secrets;
  job_limits limits;
  job_config config;
  stream_options stream;
  std::vector<std::string> artifacts; ///< globs relative to work/
  std::vector<std::string> require;   ///< isolation layers
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> constraints;
  uint32_t priority = 50; ///< 0 to 100, higher first
  lost_policy on_worker_lost = lost_policy::fail;
  json_text metadata; ///< at most 4 KiB, echoed back
  bool operator==(const job_request&) const = default;
};

// -- the result ---------------------------------------------------------------

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
bool inspect(Inspector& f, job_limits& x) {
  return f.object(x).fields(
    f.field("cpu", x.cpu_cores), f.field("memory", x.memory),
    f.field("timeout", x.timeout_ms),
    f.field("max_output_size", x.max_output_size), f.field("disk", x.disk),
    f.field("pids", x.pids), f.field("queue_timeout", x.queue_timeout_ms),
    f.field("idle_timeout", x.idle_timeout_ms), f.field("gpu", x.gpus));
}

template <class Inspector>
bool inspect(Inspector& f, job_config& x) {
  return f.object(x).fields(
    f.field("mode", x.mode), f.field("provider", x.provider),
    f.field("model", x.model), f.field("network", x.network),
    f.field("telemetry", x.telemetry));
}

template <class Inspector>
bool inspect(Inspector& f, stream_options& x) {
  return f.object(x).fields(
    f.field("chunk_size", x.chunk_size).fallback(65536u),
    f.field("capture_stdout", x.capture_stdout).fallback(true),
    f.field("capture_stderr", x.capture_stderr).fallback(true));
}

template <class Inspector>
bool inspect(Inspector& f, job_request& x) {
  const auto none = job_request{};
  return f.object(x).fields(
    f.field("job_id", x.job_id).fallback(none.job_id),
    f.field("command", x.command), f.field("argv", x.argv),
    f.field("prompt", x.prompt), f.field("files", x.files).fallback(none.files),
    f.field("workspace", x.workspace), f.field("stdin", x.stdin_data),
    f.field("env", x.env).fallback(none.env),
    f.field("secrets", x.secrets).fallback(none.secrets),
    f.field("limits", x.limits).fallback(none.limits),
    f.field("config", x.config).fallback(none.config),
    f.field("stream", x.stream).fallback(none.stream),
    f.field("artifacts", x.artifacts).fallback(none.artifacts),
    f.field("require", x.require).fallback(none.require),
    f.field("labels", x.labels).fallback(none.labels),
    f.field("constraints", x.constraints).fallback(none.constraints),
    f.field("priority", x.priority).fallback(50u),
    f.field("on_worker_lost", x.on_worker_lost).fallback(lost_policy::fail),
    f.field("metadata", x.metadata).fallback(none.metadata));
}

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
    f.field("memory_peak_mb", x.memory_peak_mb));
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
    f.field("artifacts", x.artifacts), f.field("output", x.output),
    f.field("metrics", x.metrics), f.field("isolation", x.isolation),
    f.field("teardown", x.teardown), f.field("labels", x.labels),
    f.field("metadata", x.metadata));
}

} // namespace ocw
