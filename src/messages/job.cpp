#include "ocw/messages/job.hpp"

#include <algorithm>

namespace ocw {

static_assert(enum_words<job_status>.size()
              == static_cast<size_t>(job_status::cancelled) + 1);
static_assert(enum_words<phase>.size()
              == static_cast<size_t>(phase::destroy) + 1);
static_assert(enum_words<reason_code>.size()
              == static_cast<size_t>(reason_code::internal) + 1);

namespace {

std::optional<end_reason> reason_of(const job_record& record) {
  if (record.reason.code == reason_code::none)
    return std::nullopt;
  return record.reason;
}

uint64_t passed(int64_t from, int64_t to) {
  return to > from ? static_cast<uint64_t>(to - from) : 0;
}

/// How long a phase took that the session has left by now.
void note_phase(job_metrics& metrics, const phase_mark& from,
                const phase_mark& to) {
  const auto took = passed(from.unix_ms, to.unix_ms);
  switch (from.reached) {
  case phase::prepare:
    metrics.prepare_ms = took;
    break;
  case phase::execute:
    metrics.execute_ms = took;
    break;
  case phase::collect:
    metrics.collect_ms = took;
    break;
  case phase::init:
  case phase::destroy:
    break;
  }
}

/// The metrics of a job that has not ended: what its phases tell so far.
job_metrics metrics_so_far(const job_record& record) {
  auto result = record.metrics;
  result.worker_id = record.worker_id;
  const auto& marks = record.phases;
  // A job that was given another session has the phases of both.
  const auto is_start
    = [](const phase_mark& mark) { return mark.reached == phase::init; };
  const auto start = std::find_if(marks.rbegin(), marks.rend(), is_start);
  if (start == marks.rend())
    return result;
  auto here = std::prev(start.base());
  result.queue_ms = passed(record.created_unix_ms, here->unix_ms);
  for (auto next = std::next(here); next != marks.end(); here = next++)
    note_phase(result, *here, *next);
  return result;
}

} // namespace

job_state state_of(const job_record& record) {
  auto result = job_state{};
  const auto ended = is_terminal(record.status);
  result.job_id = record.job_id;
  result.status = record.status;
  if (record.status == job_status::running && !record.phases.empty())
    result.at_phase = record.phases.back().reached;
  result.session_id = record.session_id;
  result.worker_id = record.worker_id;
  result.attempt = record.attempt;
  result.created_at = {record.created_unix_ms};
  result.started_at = {record.started_unix_ms};
  result.finished_at = {record.finished_unix_ms};
  result.reason = reason_of(record);
  result.metrics = ended ? record.metrics : metrics_so_far(record);
  result.labels = record.labels;
  result.metadata = record.metadata;
  return result;
}

job_result result_of(const job_record& record) {
  auto result = job_result{};
  result.job_id = record.job_id;
  result.session_id = record.session_id;
  result.status = record.status;
  result.exit_code = record.exit_code;
  result.reason = reason_of(record);
  result.artifacts_missing = record.artifacts_missing;
  result.artifacts.reserve(record.artifacts.size());
  for (const auto& artifact : record.artifacts)
    result.artifacts.push_back(artifact.path);
  result.output = record.output;
  result.metrics = record.metrics;
  result.isolation = record.isolation;
  result.teardown = record.teardown;
  result.labels = record.labels;
  result.metadata = record.metadata;
  return result;
}

} // namespace ocw
