#include "actors/dispatcher.hpp"
#include "messages/log.hpp"

// The dispatcher's view of the node: figures, readiness, stopping.

namespace ocw {

void dispatcher_state::report(get_node, done<get_node> reply) {
  auto compose = [this, reply](const node_load& load) {
    auto result = node_report{
      .worker = parts_.worker, .counters = counters_, .ready = check_ready()};
    result.counters.running_now = running_;
    result.worker.state = draining_ ? "draining" : "ready";
    result.worker.running = load.running;
    result.worker.waiting = load.waiting;
    result.worker.concurrency = load.concurrency;
    result.worker.cpu_cores_in_use = load.cpu_cores_in_use;
    result.worker.memory_mb_in_use = load.memory_mib_in_use;
    reply(std::move(result));
  };
  self_
    ->request(parts_.governor, caf::timespan{std::chrono::seconds{10}},
              get_load{})
    .then(std::move(compose),
          [reply](caf::error& failed) { reply(std::move(failed)); });
}

readiness dispatcher_state::check_ready() const {
  const auto store = parts_.store->health();
  auto result = readiness{};
  result.checks
    = {{"accepting", !draining_, draining_ ? "the node is stopping" : ""},
       {"store", !store, store ? sentence_of(store) : ""},
       {"launcher", launcher_.up, launcher_.detail}};
  result.ready = !draining_ && !store && launcher_.up;
  return result;
}

void dispatcher_state::change_settings(const settings_changed& msg) {
  parts_.settings = msg.settings;
  policy_ = policy::command_policy{msg.settings->security};
}

void dispatcher_state::count(const job_record& record) {
  switch (record.status) {
  case job_status::finished:
    ++counters_.finished;
    break;
  case job_status::timeout:
    ++counters_.timed_out;
    break;
  case job_status::cancelled:
    ++counters_.cancelled;
    break;
  default:
    ++counters_.failed;
  }
  counters_.output_bytes += record.output.out.bytes + record.output.err.bytes;
}

// -- stopping -----------------------------------------------------------------

// Jobs that wait stay in the store and wait again after the next start.
void dispatcher_state::drain(drain_node ask) {
  drain_deadline_.dispose();
  if (!draining_)
    log::info("node.draining", {}, "{} running, {} waiting", running_,
              counters_.pending_now);
  draining_ = true;
  for (auto& [id, job] : jobs_) {
    if (job.record->status == job_status::pending) {
      job.queue_expiry.dispose();
      self_->send(parts_.governor, release_slot{id});
    }
  }
  if (ask.patience_ms == 0)
    stop_running();
  else
    drain_deadline_ = self_->run_delayed(
      std::chrono::milliseconds{ask.patience_ms}, [this] { stop_running(); });
  quit_when_done();
}

void dispatcher_state::stop_running() {
  for (const auto& [id, job] : jobs_)
    if (job.record->status == job_status::running)
      self_->send(parts_.supervisor,
                  stop_session{job.record->session_id, reason_code::cancelled,
                               "cancelled: the node was stopped"});
}

// Whoever was promised an answer gets it first.
void dispatcher_state::quit_when_done() {
  if (!draining_ || running_ > 0)
    return;
  for (const auto& [id, job] : jobs_)
    if (!job.waiting_for_store.empty())
      return;
  drain_deadline_.dispose();
  self_->quit();
}

} // namespace ocw
