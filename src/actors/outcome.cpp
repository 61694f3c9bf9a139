#include "actors/outcome.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstring>

namespace ocw {

namespace {

// Here it is not the job's disk that is full, but the node's.
constexpr std::string_view store_full_hint
  = "make room on the node's disk, by forgetting ended jobs for instance; then "
    "submit it again under a new job_id";

std::string_view hint_for(reason_code code) {
  switch (code) {
  case reason_code::exit_nonzero:
    return "the command itself failed; its output says more";
  case reason_code::signal:
    return "the command crashed or was killed from inside its session";
  case reason_code::memory_limit:
    return "raise limits.memory";
  case reason_code::output_limit:
    return "raise limits.max_output_size, or write to a file in output/";
  case reason_code::disk_limit:
    return "raise limits.disk, or write less";
  case reason_code::pids_limit:
    return "raise limits.pids";
  case reason_code::timeout:
    return "raise limits.timeout";
  case reason_code::queue_timeout:
    return "raise limits.queue_timeout, or give the node more concurrency";
  case reason_code::idle_timeout:
    return "raise limits.idle_timeout";
  case reason_code::worker_lost:
  case reason_code::launcher_lost:
    return "submit it again under a new job_id";
  case reason_code::prepare_failed:
    return "see the message; nothing of the command ran";
  case reason_code::isolation_unavailable:
    return "drop the layer from require, or use a node that has it";
  case reason_code::internal:
    return "see the node's log";
  default:
    return "";
  }
}

std::string signal_name(int number) {
  const auto* abbreviation = sigabbrev_np(number);
  return abbreviation ? fmt::format("SIG{}", abbreviation)
                      : fmt::format("signal {}", number);
}

// A disk of its own is in memory, and counts as the job's.
std::string memory_message(const process_end& end,
                           const effective_limits& limits,
                           const isolation_report& held_by) {
  auto text = fmt::format("killed at {} MB (limit {} MB)",
                          end.memory_peak_kb / 1024, limits.memory_mib);
  const auto& layers = held_by.layers;
  if (std::find(layers.begin(), layers.end(), "disk_tmpfs") != layers.end())
    text += fmt::format(", with {} MB of files, which limits.disk keeps in "
                        "memory",
                        end.disk_bytes >> 20);
  return text;
}

std::string disk_message(const process_end& end,
                         const effective_limits& limits) {
  return fmt::format("no room left for its files: {} bytes in {} files and "
                     "directories (limits.disk is {} bytes)",
                     end.disk_bytes, end.disk_files, limits.disk_bytes);
}

// What the shim stopped a job for, in words and figures.
std::string stop_message(const process_end& end, const effective_limits& limits,
                         const isolation_report& held_by) {
  switch (end.stopped_for) {
  case reason_code::timeout:
    return fmt::format("ran longer than {} ms (limits.timeout)",
                       limits.timeout_ms);
  case reason_code::idle_timeout:
    return fmt::format("wrote nothing for {} ms (limits.idle_timeout)",
                       limits.idle_timeout_ms);
  case reason_code::output_limit:
    return fmt::format("wrote more than {} bytes (limits.max_output_size); "
                       "output was cut there",
                       limits.output_bytes);
  case reason_code::memory_limit:
    return memory_message(end, limits, held_by);
  case reason_code::disk_limit:
    return end.detail.empty() ? disk_message(end, limits) : end.detail;
  case reason_code::pids_limit:
    return fmt::format("could not start more than {} processes and threads "
                       "(limits.pids)",
                       limits.pids);
  case reason_code::worker_lost:
    return "the node that ran it went away, or was told to stop";
  default:
    return end.detail;
  }
}

end_reason own_end(const process_end& end) {
  if (end.signalled)
    return make_reason(
      reason_code::signal,
      fmt::format("ended by {}", signal_name(end.exit_code - 128)));
  if (end.exit_code != 0)
    return make_reason(reason_code::exit_nonzero,
                       fmt::format("exited with code {}", end.exit_code));
  return {};
}

} // namespace

job_status status_for(reason_code code) {
  switch (code) {
  case reason_code::none:
    return job_status::finished;
  case reason_code::timeout:
  case reason_code::queue_timeout:
  case reason_code::idle_timeout:
    return job_status::timeout;
  case reason_code::cancelled:
    return job_status::cancelled;
  default:
    return job_status::failed;
  }
}

end_reason make_reason(reason_code code, std::string message) {
  return {code, std::move(message), std::string{hint_for(code)}};
}

void apply_end(job_record& record, const process_end& end,
               const effective_limits& limits, const end_reason& stopped) {
  // The shim knows which cause came first; "cancelled" there means that this
  // side asked, and `stopped` says what for.
  if (end.stopped_for == reason_code::none)
    record.reason = own_end(end);
  else if (end.stopped_for == reason_code::cancelled
           && stopped.code != reason_code::none)
    record.reason = stopped;
  else
    record.reason = make_reason(end.stopped_for,
                                stop_message(end, limits, record.isolation));
  if (end.stopped_for == reason_code::disk_limit && !end.detail.empty())
    record.reason.hint = store_full_hint;
  record.status = status_for(record.reason.code);
  record.exit_code = end.exit_code;
  record.output_events = end.cells;
  record.output.out.bytes = end.stdout_bytes;
  record.output.out.truncated = end.stdout_truncated;
  record.output.err.bytes = end.stderr_bytes;
  record.output.err.truncated = end.stderr_truncated;
  record.metrics.cpu_time_ms = end.cpu_time_us / 1000;
  record.metrics.memory_peak_mb = (end.memory_peak_kb + 1023) / 1024;
  record.metrics.disk_used_mb = (end.disk_bytes + (1 << 20) - 1) >> 20;
  record.teardown.killed = end.killed;
  record.teardown.survivors = end.survivors;
}

void apply_missing(job_record& record, std::string missing, bool store_full) {
  if (store_full && record.reason.code == reason_code::none) {
    record.reason
      = {reason_code::disk_limit,
         "the node's disk has no room for its artifacts: " + missing,
         std::string{store_full_hint}};
    record.status = status_for(record.reason.code);
  }
  record.artifacts_missing = std::move(missing);
}

void apply_refusal(job_record& record, end_reason reason) {
  record.reason = std::move(reason);
  record.status = status_for(record.reason.code);
  record.exit_code = -1;
}

} // namespace ocw
