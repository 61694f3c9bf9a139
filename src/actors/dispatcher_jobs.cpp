#include "actors/constraints.hpp"
#include "actors/dispatcher.hpp"
#include "actors/outcome.hpp"
#include "messages/log.hpp"
#include "messages/request_limits.hpp"
#include "ocw/ids.hpp"
#include "process/process_end.hpp"

#include <filesystem>

// The dispatcher's part in the life of a job.

namespace ocw {

// -- accepting ----------------------------------------------------------------

void dispatcher_state::accept(job_request request, effective_limits limits,
                              done<submit_job> reply) {
  const auto own_id = request.job_id.empty();
  if (own_id)
    request.job_id = make_uuid_v7();
  auto record = std::make_shared<job_record>();
  record->job_id = request.job_id;
  record->session_id = make_uuid_v7();
  record->worker_id = parts_.worker.worker_id;
  record->created_unix_ms = now_unix_ms();
  record->labels = request.labels;
  record->metadata = request.metadata;
  auto job = active_job{
    .record = record,
    .request = std::make_shared<const job_request>(std::move(request)),
    .limits = limits,
    .follow = std::make_shared<history>(
      record->job_id, parts_.paths.spool_prefix(record->session_id))};
  job.waiting_for_store.push_back(std::move(reply));
  parts_.store->insert(
    job.record, job.request,
    [this, home = homeward(), id = record->job_id](insert_outcome outcome) {
      home([this, id, outcome = std::move(outcome)] { stored(id, outcome); });
    });
  auto& kept = jobs_.emplace(record->job_id, std::move(job)).first->second;
  ++counters_.pending_now;
  if (own_id)
    enqueue(kept);
}

void dispatcher_state::resubmit(active_job& job, const job_request& request,
                                const done<submit_job>& reply) {
  if (!(*job.request == request))
    return reply(make_error(
      ec::conflict, "the job_id is taken by a different request", "job_id"));
  if (job.stored)
    return reply(view_of(job));
  job.waiting_for_store.push_back(reply);
}

void dispatcher_state::stored(const std::string& job_id,
                              const insert_outcome& outcome) {
  const auto found = jobs_.find(job_id);
  if (found == jobs_.end())
    return;
  auto& job = found->second;
  if (outcome.error || outcome.existing)
    return turn_away(found, outcome);
  job.stored = true;
  ++counters_.accepted;
  log::info("job.accepted", {job_id, job.record->session_id}, "stored");
  auto created = true;
  for (auto& reply : std::exchange(job.waiting_for_store, {}))
    reply(view_of(job, std::exchange(created, false)));
  if (is_terminal(job.record->status)) // it was faster than the disk
    retire(found, job.record);
  else if (!job.queued && !draining_)
    enqueue(job);
  quit_when_done();
}

// The store did not take it: the id belongs to an older job, or it cannot
// write. Whatever was begun meanwhile is undone.
void dispatcher_state::turn_away(job_map::iterator found,
                                 const insert_outcome& outcome) {
  auto& job = found->second;
  auto answer = caf::expected<job_view>{outcome.error};
  if (outcome.existing && outcome.same_request)
    answer
      = view_of_ended(std::make_shared<const job_record>(*outcome.existing));
  else if (outcome.existing)
    answer = make_error(ec::conflict,
                        "the job_id is taken by a different request", "job_id");
  for (auto& reply : std::exchange(job.waiting_for_store, {}))
    reply(answer);
  if (job.record->status == job_status::running) {
    job.dropped = true;
    self_->send(parts_.supervisor,
                stop_session{job.record->session_id, reason_code::cancelled,
                             "the job could not be stored"});
    return;
  }
  if (job.queued)
    self_->send(parts_.governor, release_slot{found->first});
  if (job.record->status == job_status::pending)
    --counters_.pending_now;
  else
    parts_.machine->forget(*job.record);
  jobs_.erase(found);
  quit_when_done();
}

// -- waiting and running ------------------------------------------------------

void dispatcher_state::enqueue(active_job& job) {
  const auto& request = *job.request;
  job.queued = true;
  if (job.limits.queue_timeout_ms > 0)
    job.queue_expiry = self_->run_delayed(
      std::chrono::milliseconds{job.limits.queue_timeout_ms},
      [this, id = job.record->job_id] { give_up_waiting(id); });
  if (auto unmet = unmet_constraint(request, parts_.worker); !unmet.empty()) {
    // No worker here will ever do. The reason is for whoever asks why it waits.
    auto record = std::make_shared<job_record>(*job.record);
    record->reason.message = std::move(unmet);
    job.record = std::move(record);
    return;
  }
  const auto owner = request.labels.find("owner");
  self_->send(
    parts_.governor,
    acquire_slot{.job_id = job.record->job_id,
                 .cpu_cores = job.limits.cpu_cores,
                 .memory_mib = job.limits.memory_mib,
                 .priority = request.priority,
                 .owner = owner == request.labels.end() ? "" : owner->second});
}

void dispatcher_state::start(const slot_granted& slot) {
  const auto found = jobs_.find(slot.job_id);
  if (draining_ || found == jobs_.end()
      || found->second.record->status != job_status::pending)
    return self_->send(parts_.governor, release_slot{slot.job_id});
  auto& job = found->second;
  job.queue_expiry.dispose();
  auto record = std::make_shared<job_record>(*job.record);
  record->status = job_status::running;
  record->attempt += 1;
  record->started_unix_ms = now_unix_ms();
  record->metrics.queue_ms = static_cast<uint64_t>(
    std::max<int64_t>(record->started_unix_ms - record->created_unix_ms, 0));
  job.record = std::move(record);
  ++running_;
  --counters_.pending_now;
  ++counters_.started;
  parts_.store->update(job.record, {});
  auto task = std::make_shared<const session_task>(
    session_task{job.request, job.record, job.limits, job.follow});
  self_->send(parts_.supervisor, open_session{std::move(task)});
}

void dispatcher_state::refuse_slot(const slot_refused& refusal) {
  const auto found = jobs_.find(refusal.job_id);
  if (found != jobs_.end())
    end_unstarted(found, make_reason(reason_code::prepare_failed,
                                     "no room, ever: the job " + refusal.why));
}

void dispatcher_state::give_up_waiting(const std::string& job_id) {
  const auto found = jobs_.find(job_id);
  if (found == jobs_.end()
      || found->second.record->status != job_status::pending)
    return;
  end_unstarted(
    found, make_reason(reason_code::queue_timeout,
                       fmt::format("waited {} ms for room "
                                   "(limits.queue_timeout)",
                                   found->second.limits.queue_timeout_ms)));
}

// -- ending -------------------------------------------------------------------

void dispatcher_state::ended(const session_ended& msg) {
  self_->send(parts_.governor, release_slot{msg.record->job_id});
  const auto found = jobs_.find(msg.record->job_id);
  if (found == jobs_.end())
    return;
  --running_;
  if (found->second.dropped) {
    parts_.machine->forget(*msg.record);
    jobs_.erase(found);
  } else {
    retire(found, msg.record);
  }
  quit_when_done();
}

void dispatcher_state::end_unstarted(job_map::iterator found,
                                     end_reason reason) {
  auto& job = found->second;
  job.queue_expiry.dispose();
  self_->send(parts_.governor, release_slot{found->first});
  --counters_.pending_now;
  auto record = std::make_shared<job_record>(*job.record);
  record->finished_unix_ms = now_unix_ms();
  record->metrics.worker_id = record->worker_id;
  record->metrics.queue_ms = static_cast<uint64_t>(
    std::max<int64_t>(record->finished_unix_ms - record->created_unix_ms, 0));
  record->isolation = parts_.machine->isolation(*job.request, job.limits);
  record->teardown.directory_removed = true;
  apply_refusal(*record, std::move(reason));
  retire(found, std::move(record));
}

// Tells everybody, and lets go of the job once the store has it. A job that
// ended before the store accepted it stays until then.
void dispatcher_state::retire(job_map::iterator found,
                              std::shared_ptr<const job_record> record) {
  auto& job = found->second;
  job.record = record;
  if (!job.follow->ended()) {
    count(*record);
    job.follow->end(record);
  }
  if (!job.stored)
    return;
  parts_.store->update(std::move(record), {});
  jobs_.erase(found);
}

// -- after a restart ----------------------------------------------------------

// What the last run of this node left: a job without a trace of a session
// never started and waits again; any other is over.
void dispatcher_state::recover(stored_job job) {
  auto limits = resolve_limits(job.request, *parts_.settings);
  const auto prefix = parts_.paths.spool_prefix(job.record.session_id);
  const auto started = job.record.status == job_status::running
                       || std::filesystem::exists(prefix + ".index")
                       || parts_.machine->has_traces(job.record);
  if (started || !limits)
    close_lost(std::move(job), limits ? *limits : effective_limits{});
  else
    resume_pending(std::move(job), *limits);
}

void dispatcher_state::resume_pending(stored_job stored,
                                      effective_limits limits) {
  auto job = active_job{
    .record = std::make_shared<const job_record>(std::move(stored.record)),
    .request = std::make_shared<const job_request>(std::move(stored.request)),
    .limits = limits,
    .stored = true};
  job.follow = std::make_shared<history>(
    job.record->job_id, parts_.paths.spool_prefix(job.record->session_id));
  const auto id = job.record->job_id;
  log::info("job.resumed", {id, job.record->session_id}, "waits again");
  ++counters_.pending_now;
  const auto kept = jobs_.emplace(id, std::move(job)).first;
  // The node may have come back with other settings, or less isolation.
  const auto unwanted = check_wanted(*kept->second.request, limits);
  if (!unwanted)
    return enqueue(kept->second);
  const auto reason = code_of(unwanted) == ec::isolation_unavailable
                        ? reason_code::isolation_unavailable
                        : reason_code::policy_denied;
  end_unstarted(kept, make_reason(reason, sentence_of(unwanted)));
}

// A shim ends its job when the node goes away, and leaves the record of it in
// the spool; what that says is what happened.
void dispatcher_state::close_lost(stored_job stored,
                                  const effective_limits& limits) {
  auto record = std::make_shared<job_record>(std::move(stored.record));
  const auto prefix = parts_.paths.spool_prefix(record->session_id);
  auto end
    = process_end_of(spool_reader{prefix}.scan(), reason_code::worker_lost);
  say_where(end, parts_.paths.dir);
  apply_end(*record, end, limits, {});
  record->output = parts_.machine->digest(*record, end);
  record->isolation = parts_.machine->isolation(stored.request, limits);
  record->metrics.worker_id = record->worker_id;
  record->phases = {{phase::init, record->started_unix_ms},
                    {phase::prepare, record->started_unix_ms},
                    {phase::execute, record->started_unix_ms},
                    {phase::destroy, now_unix_ms()}};
  record->finished_unix_ms = now_unix_ms();
  parts_.machine->sweep(*record);
  record->teardown.directory_removed = true;
  log::warn("job.lost", {record->job_id, record->session_id},
            "closed as {} after a restart", word_of(record->status));
  count(*record);
  parts_.store->update(std::move(record), {});
}

} // namespace ocw
