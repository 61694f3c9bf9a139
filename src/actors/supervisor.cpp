#include "actors/supervisor.hpp"

#include "actors/outcome.hpp"
#include "actors/session.hpp"
#include "messages/log.hpp"
#include "ocw/ids.hpp"
#include "store/history.hpp"

namespace ocw {

supervisor_state::supervisor_state(supervisor_actor::pointer self,
                                   session_machine& machine)
  : self_(self), machine_(machine) {
  self_->set_down_handler([this](const caf::down_msg& msg) { closed(msg); });
}

supervisor_actor::behavior_type supervisor_state::make_behavior() {
  return {
    [this](const open_session& ask) { return open(ask); },
    [this](const stop_session& ask) { stop(ask); },
    [this](const feed_session& ask) { return feed(ask); },
    [this](list_sessions) { return list(); },
  };
}

caf::result<void> supervisor_state::open(const open_session& ask) {
  auto listener
    = caf::actor_cast<session_listener_actor>(self_->current_sender());
  if (!listener)
    return make_error(ec::invalid_request, "a session needs a listener");
  const auto& id = ask.task->record->session_id;
  if (sessions_.count(id) != 0)
    return make_error(ec::conflict, "the session is open already");
  auto actor = self_->spawn<session, caf::monitored>(std::ref(machine_),
                                                     ask.task, listener);
  ids_.emplace(actor.address(), id);
  sessions_.emplace(id, open_one{actor, ask.task, std::move(listener)});
  return caf::unit;
}

void supervisor_state::stop(const stop_session& ask) {
  const auto found = sessions_.find(ask.session_id);
  if (found != sessions_.end())
    self_->send(found->second.actor, ask);
}

caf::result<void> supervisor_state::feed(const feed_session& ask) {
  const auto found = sessions_.find(ask.session_id);
  if (found == sessions_.end())
    return make_error(ec::already_ended, "the job's session is gone");
  return self_->delegate(found->second.actor, ask);
}

session_list supervisor_state::list() const {
  auto result = session_list{};
  for (const auto& [id, open] : sessions_) {
    const auto& record = *open.task->record;
    const auto phases = open.task->follow->phases();
    result.sessions.push_back(
      {.session_id = id,
       .job_id = record.job_id,
       .worker_id = record.worker_id,
       .at_phase = phases.empty() ? phase::init : phases.back().reached,
       .started_at = timestamp{record.started_unix_ms}});
  }
  return result;
}

void supervisor_state::closed(const caf::down_msg& msg) {
  const auto known = ids_.find(msg.source);
  if (known == ids_.end())
    return;
  auto gone = sessions_.extract(known->second);
  ids_.erase(known);
  if (!msg.reason)
    return;
  const auto& open = gone.mapped();
  log::error("session.lost", {open.task->record->job_id, gone.key()},
             "the session's actor ended: {}", caf::to_string(msg.reason));
  auto record = *open.task->record;
  record.phases = open.task->follow->phases();
  record.finished_unix_ms = now_unix_ms();
  apply_refusal(record, make_reason(reason_code::internal,
                                    "the session failed inside the node"));
  self_->send(open.listener, session_ended{std::make_shared<const job_record>(
                               std::move(record))});
}

} // namespace ocw
