#include "net/why.hpp"

#include "ocw/ids.hpp"

#include <spdlog/fmt/fmt.h>

namespace ocw::net {

namespace {

std::string seconds_since(int64_t unix_ms) {
  const auto passed = now_unix_ms() - unix_ms;
  return fmt::format("{:.1f} s", static_cast<double>(passed) / 1000);
}

why_step load_step(const worker_info& worker) {
  return {fmt::format("worker {} runs {} of {} jobs at once, {} wait",
                      worker.worker_id, worker.running, worker.concurrency,
                      worker.waiting),
          fmt::format("state {}; in use: {:g} of {:g} cores, {} of {} MB, "
                      "before overcommit",
                      worker.state, worker.cpu_cores_in_use, worker.cpu_cores,
                      worker.memory_mb_in_use, worker.memory_mb)};
}

void explain_waiting(const job_record& record, const node_report& node,
                     why_report& out) {
  const auto& worker = node.worker;
  out.chain.push_back(
    {"the job is accepted and stored, and waits for room",
     fmt::format("pending since {}, {} ago", iso_time(record.created_unix_ms),
                 seconds_since(record.created_unix_ms))});
  if (!record.reason.message.empty()) {
    out.chain.push_back(
      {"no worker meets the job's constraints", record.reason.message});
    out.advice = "give a worker that label (worker.labels), or submit the job "
                 "without the constraint";
    return;
  }
  out.chain.push_back(load_step(worker));
  for (const auto& check : node.ready.checks)
    if (!check.ok)
      out.chain.push_back(
        {"the node is not ready: " + check.name, check.detail});
  if (worker.state != "ready")
    out.advice = "the worker is " + worker.state
                 + "; wait until it is ready, or submit the job elsewhere";
  else if (worker.running >= worker.concurrency)
    out.advice = "wait for a running job to end, cancel one, or raise "
                 "worker.concurrency";
  else
    out.advice = "there is a free slot, so cores, memory or a session's place "
                 "are short: lower the job's limits.cpu or limits.memory, or "
                 "raise session.max_concurrent_sessions or "
                 "governance.memory_overcommit";
}

void explain_running(const job_record& record, why_report& out) {
  const auto at = record.phases.empty()
                    ? std::string{"a session is being made"}
                    : fmt::format("phase {} since {}",
                                  word_of(record.phases.back().reached),
                                  iso_time(record.phases.back().unix_ms));
  out.chain.push_back({fmt::format("the job runs in session {} on worker {}",
                                   record.session_id, record.worker_id),
                       at});
  out.chain.push_back(
    {"it has not ended, and nobody has to do anything",
     fmt::format("running for {}", seconds_since(record.started_unix_ms))});
}

void explain_cut(const job_record& record, why_report& out) {
  const auto& output = record.output;
  if (output.out.truncated || output.err.truncated)
    out.chain.push_back({"its output was cut at the limit",
                         fmt::format("kept: {} bytes of stdout, {} of stderr",
                                     output.out.bytes, output.err.bytes)});
  if (!record.artifacts_missing.empty())
    out.chain.push_back(
      {"some of its artifacts could not be kept", record.artifacts_missing});
  if (record.teardown.survivors > 0)
    out.chain.push_back(
      {"processes of the job could not be ended",
       fmt::format("{} survivors", record.teardown.survivors)});
}

void explain_end(const job_record& record, why_report& out) {
  const auto& metrics = record.metrics;
  const auto& reason = record.reason;
  if (record.started_unix_ms == 0)
    out.chain.push_back(
      {"the job never started",
       fmt::format("accepted {}, ended {}", iso_time(record.created_unix_ms),
                   iso_time(record.finished_unix_ms))});
  else
    out.chain.push_back(
      {fmt::format("the job ran for {} ms", metrics.execute_ms),
       fmt::format("{} ms of CPU, {} MB at its peak, started {}, ended {}",
                   metrics.cpu_time_ms, metrics.memory_peak_mb,
                   iso_time(record.started_unix_ms),
                   iso_time(record.finished_unix_ms))});
  explain_cut(record, out);
  const auto evidence
    = fmt::format("status {}, reason {}, exit code {}", word_of(record.status),
                  word_of(reason.code), record.exit_code);
  out.chain.push_back(
    {reason.message.empty() ? "it ended by itself" : reason.message, evidence});
  out.advice = reason.hint;
}

} // namespace

why_report explain(const job_record& record, const node_report& node) {
  auto out = why_report{record.job_id, record.status, {}, {}};
  if (is_terminal(record.status))
    explain_end(record, out);
  else if (record.status == job_status::running)
    explain_running(record, out);
  else
    explain_waiting(record, node, out);
  return out;
}

} // namespace ocw::net
