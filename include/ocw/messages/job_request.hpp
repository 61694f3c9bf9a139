#pragma once

#include "ocw/messages/job_words.hpp"
#include "ocw/messages/values.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ocw {

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
  std::optional<std::string> workspace;      ///< a directory used as work/
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

} // namespace ocw
