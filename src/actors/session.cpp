#include "actors/session.hpp"

#include "actors/outcome.hpp"
#include "messages/log.hpp"
#include "ocw/ids.hpp"
#include "store/history.hpp"

#include <cstring>

namespace ocw {

namespace {

// Input that came whole with the request is all there is.
bool takes_input(const job_request& request) {
  return !request.stdin_data || request.stdin_data->open;
}

} // namespace

session_state::session_state(session_actor::pointer self,
                             session_machine& machine,
                             std::shared_ptr<const session_task> task,
                             session_listener_actor listener)
  : self_(self),
    machine_(machine),
    task_(std::move(task)),
    listener_(std::move(listener)),
    record_(*task_->record),
    input_open_(takes_input(*task_->request)) {
}

session_actor::behavior_type session_state::make_behavior() {
  prepare();
  return {
    [this](const stop_session& ask) { stop(ask); },
    [this](feed_session& ask) { return feed(ask); },
    [this](const prepare_done& done) { execute(done); },
    [this](const start_refused& refusal) { refuse(refusal); },
    [this](const process_ended& msg) { collect(msg.end); },
    [this](collect_done& done) { destroy(done); },
    [this](const destroy_done& done) { finish(done); },
  };
}

// -- the life of a job --------------------------------------------------------

void session_state::prepare() {
  record_.isolation = machine_.isolation(*task_->request, task_->limits);
  enter(phase::init);
  enter(phase::prepare);
  machine_.prepare(task_, self_);
}

void session_state::execute(const prepare_done& done) {
  if (done.error) {
    apply_refusal(record_, make_reason(reason_code::prepare_failed,
                                       sentence_of(done.error)));
    decided_ = true;
    return enter_destroy();
  }
  if (stopped_.code != reason_code::none)
    return enter_destroy();
  enter(phase::execute);
  process_ = machine_.start(task_, self_);
}

// A shim that died while it was idle takes the job it is given with it, though
// nothing of the job ever began. One more may try. Not when a second start
// would lack input that the first one had been sent.
bool session_state::may_start_again(const start_refused& refusal) {
  return refusal.launcher_lost && !fed_ && !std::exchange(started_again_, true);
}

void session_state::refuse(const start_refused& refusal) {
  if (refusal.launcher_lost && stopped_.code != reason_code::none)
    return enter_destroy();
  if (may_start_again(refusal)) {
    log::warn("session.start_again", {record_.job_id, record_.session_id},
              "its shim went away before it began; trying another");
    process_ = machine_.start(task_, self_);
    return;
  }
  const auto code = refusal.launcher_lost ? reason_code::launcher_lost
                                          : reason_code::prepare_failed;
  auto message
    = refusal.error_number == 0
        ? refusal.stage
        : fmt::format("cannot start the command: {}: {}", refusal.stage,
                      std::strerror(refusal.error_number));
  apply_refusal(record_, make_reason(code, std::move(message)));
  decided_ = true;
  enter_destroy();
}

void session_state::collect(const process_end& end) {
  process_.reset();
  apply_end(record_, end, task_->limits, stopped_);
  decided_ = true;
  task_->follow->output_grew(end.cells);
  enter(phase::collect);
  self_->send(listener_, phase_reached{record_.job_id, record_.phases.back()});
  machine_.collect(task_, end, self_);
}

void session_state::destroy(collect_done& done) {
  record_.output.out.sha256 = std::move(done.output.out.sha256);
  record_.output.err.sha256 = std::move(done.output.err.sha256);
  record_.artifacts = std::move(done.artifacts);
  if (!done.warning.empty())
    log::warn("artifacts.incomplete", {record_.job_id, record_.session_id},
              "{}", done.warning);
  apply_missing(record_, std::move(done.warning), done.store_full);
  enter_destroy();
}

void session_state::enter_destroy() {
  if (!decided_)
    apply_refusal(record_, stopped_);
  enter(phase::destroy);
  machine_.destroy(task_, self_);
}

void session_state::finish(const destroy_done& done) {
  record_.teardown.directory_removed = done.directory_removed;
  record_.finished_unix_ms = now_unix_ms();
  fill_metrics();
  log::info("session.ended", {record_.job_id, record_.session_id},
            "{} with exit code {} after {} ms", word_of(record_.status),
            record_.exit_code, record_.metrics.duration_ms);
  self_->send(listener_, session_ended{std::make_shared<const job_record>(
                           std::move(record_))});
  self_->quit();
}

// -- what comes from outside --------------------------------------------------

void session_state::stop(const stop_session& ask) {
  if (stopped_.code != reason_code::none || phase_ >= phase::collect)
    return;
  stopped_ = make_reason(ask.code, ask.message);
  if (process_)
    process_->stop();
}

caf::result<void> session_state::feed(feed_session& ask) {
  if (!process_)
    return make_error(
      phase_ < phase::execute ? ec::unavailable : ec::already_ended,
      phase_ < phase::execute ? "the job's process has not started yet"
                              : "the job's process has ended");
  if (!input_open_)
    return make_error(ec::already_ended, "the job's standard input is closed");
  switch (process_->feed(std::move(ask.bytes), ask.eof)) {
  case feeding::taken:
    fed_ = true;
    input_open_ = !ask.eof;
    return caf::unit;
  case feeding::full:
    return make_error(ec::unavailable,
                      "the job has not read what it was sent before; nothing "
                      "of this was taken, try again");
  case feeding::closed:
    break;
  }
  return make_error(ec::already_ended, "the job's standard input is closed");
}

// -- bookkeeping --------------------------------------------------------------

void session_state::enter(phase next) {
  phase_ = next;
  const auto mark = phase_mark{next, now_unix_ms()};
  record_.phases.push_back(mark);
  task_->follow->reach(record_, mark);
}

uint64_t session_state::spent_ms(phase which) const {
  const auto& marks = record_.phases;
  for (auto i = size_t{0}; i < marks.size(); ++i) {
    if (marks[i].reached != which)
      continue;
    const auto end
      = i + 1 < marks.size() ? marks[i + 1].unix_ms : record_.finished_unix_ms;
    // The system's clock may have been set back meanwhile.
    return end > marks[i].unix_ms
             ? static_cast<uint64_t>(end - marks[i].unix_ms)
             : 0;
  }
  return 0;
}

void session_state::fill_metrics() {
  auto& metrics = record_.metrics;
  metrics.worker_id = record_.worker_id;
  metrics.prepare_ms = spent_ms(phase::init) + spent_ms(phase::prepare);
  metrics.execute_ms = spent_ms(phase::execute);
  metrics.collect_ms = spent_ms(phase::collect);
  metrics.destroy_ms = spent_ms(phase::destroy);
  metrics.duration_ms = metrics.prepare_ms + metrics.execute_ms
                        + metrics.collect_ms + metrics.destroy_ms;
}

} // namespace ocw
