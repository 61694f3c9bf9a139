#include "actors/dispatcher.hpp"

#include "actors/isolation_check.hpp"
#include "actors/outcome.hpp"
#include "actors/streamer.hpp"
#include "messages/job_request.hpp"
#include "messages/log.hpp"
#include "messages/request_limits.hpp"
#include "ocw/ids.hpp"
#include "process/program_list.hpp"
#include "process/workspace.hpp"

#include <caf/send.hpp>

// The operations: what can be asked of a node. The life of a job is in
// dispatcher_jobs.cpp, the node itself in dispatcher_node.cpp.

namespace ocw {

namespace {

// What a door gets as a view, another actor gets as the plain state.
job_state plain(const job_view& view) {
  return state_of(*view.record);
}
template <class Reply>
const Reply& plain(const Reply& reply) {
  return reply;
}

caf::error no_such_job(const std::string& job_id) {
  return make_error(ec::not_found, "there is no job '" + job_id + "'",
                    "job_id");
}

} // namespace

template <class Request>
auto dispatcher_state::asked(
  void (dispatcher_state::*operation)(Request, done<Request>)) {
  return [this, operation](ask<Request>& msg) {
    (this->*operation)(std::move(msg.request), std::move(msg.done));
  };
}

template <class Request>
auto dispatcher_state::sent(
  void (dispatcher_state::*operation)(Request, done<Request>)) {
  using reply_type = std::decay_t<decltype(plain(
    std::declval<const typename Request::reply&>()))>;
  return [this, operation](Request& msg) -> caf::result<reply_type> {
    auto promise = self_->make_response_promise<reply_type>();
    auto deliver = [promise](caf::expected<typename Request::reply> r) mutable {
      if (r)
        promise.deliver(plain(*r));
      else
        promise.deliver(std::move(r.error()));
    };
    (this->*operation)(std::move(msg), std::move(deliver));
    return promise;
  };
}

dispatcher_state::dispatcher_state(dispatcher_actor::pointer self,
                                   dispatcher_parts parts)
  : self_(self), parts_(std::move(parts)), policy_(parts_.settings->security) {
}

dispatcher_actor::behavior_type dispatcher_state::make_behavior() {
  return {
    sent(&dispatcher_state::submit),
    sent(&dispatcher_state::get),
    sent(&dispatcher_state::list),
    sent(&dispatcher_state::cancel),
    sent(&dispatcher_state::forget),
    sent(&dispatcher_state::feed),
    sent(&dispatcher_state::report),
    sent(&dispatcher_state::sessions),
    asked(&dispatcher_state::submit),
    asked(&dispatcher_state::get),
    asked(&dispatcher_state::list),
    asked(&dispatcher_state::cancel),
    asked(&dispatcher_state::forget),
    asked(&dispatcher_state::feed),
    asked(&dispatcher_state::report),
    asked(&dispatcher_state::sessions),
    [this](const subscribe& ask) { return follow(ask); },
    [this](const slot_granted& slot) { start(slot); },
    [this](const slot_refused& refusal) { refuse_slot(refusal); },
    // Its process is gone: the next job may have its cores and memory.
    [this](const phase_reached& msg) {
      self_->send(parts_.governor, release_slot{msg.job_id, true});
    },
    [this](const session_ended& msg) { ended(msg); },
    [this](const launcher_state& state) { launcher_ = state; },
    [this](const resume_work& work) { work.run(); },
    [this](const settings_changed& msg) { change_settings(msg); },
    [this](recover_jobs& left) {
      for (auto& job : left.jobs)
        recover(std::move(job));
    },
    [this](drain_node ask) { drain(ask); },
  };
}

// -- operations ---------------------------------------------------------------

void dispatcher_state::submit(submit_job ask, done<submit_job> reply) {
  if (draining_)
    return reply(make_error(ec::unavailable,
                            "the node is stopping and takes no new jobs"));
  if (auto wrong = check(ask.request))
    return reply(std::move(wrong));
  auto limits = resolve_limits(ask.request, *parts_.settings);
  if (!limits)
    return reply(std::move(limits.error()));
  if (auto wrong = check_wanted(ask.request, *limits))
    return reply(std::move(wrong));
  const auto known = jobs_.find(ask.request.job_id);
  if (known != jobs_.end())
    return resubmit(known->second, ask.request, reply);
  if (auto wrong = check_workspace(ask.request))
    return reply(std::move(wrong));
  accept(std::move(ask.request), *limits, std::move(reply));
}

// What this node may refuse to run although it could.
caf::error
dispatcher_state::check_wanted(const job_request& request,
                               const effective_limits& limits) const {
  const auto in_force = parts_.machine->isolation(request, limits);
  if (auto wrong
      = check_isolation(request, in_force, parts_.settings->security.policy))
    return wrong;
  if (auto wrong = policy_.judge(request, in_force.tier))
    return wrong;
  return check_main_program(request, parts_.settings->security);
}

// Two jobs in one directory would not be apart from each other.
caf::error dispatcher_state::check_workspace(const job_request& request) const {
  if (!request.workspace)
    return {};
  auto real = resolve_workspace(*request.workspace, parts_.settings->session);
  if (!real)
    return std::move(real.error());
  for (const auto& [id, job] : jobs_)
    if (job.request->workspace
        && resolve_workspace(*job.request->workspace, parts_.settings->session)
             == real)
      return make_error(ec::conflict,
                        "the workspace is in use by job '" + id + "'",
                        "workspace");
  return {};
}

void dispatcher_state::get(get_job ask, done<get_job> reply) {
  const auto found = jobs_.find(ask.job_id);
  if (found != jobs_.end() && !found->second.dropped)
    return reply(view_of(found->second));
  load_ended(std::move(ask.job_id), std::move(reply));
}

void dispatcher_state::list(list_jobs ask, done<list_jobs> reply) {
  parts_.store->list(std::move(ask.query),
                     [home = homeward(), reply = std::move(reply)](auto page) {
                       home([reply, page = std::move(page)] { reply(page); });
                     });
}

void dispatcher_state::cancel(cancel_job ask, done<cancel_job> reply) {
  const auto found = jobs_.find(ask.job_id);
  if (found == jobs_.end())
    return load_ended(std::move(ask.job_id), std::move(reply));
  auto& job = found->second;
  auto message = ask.reason.empty() ? std::string{"cancelled on request"}
                                    : "cancelled: " + ask.reason;
  log::info("job.cancel", {ask.job_id, job.record->session_id}, "asked for");
  if (job.record->status == job_status::running) {
    self_->send(parts_.supervisor,
                stop_session{job.record->session_id, reason_code::cancelled,
                             std::move(message)});
    return reply(view_of(job));
  }
  const auto follow = job.follow;
  end_unstarted(found, make_reason(reason_code::cancelled, std::move(message)));
  reply(job_view{follow->ended(), follow, false});
}

void dispatcher_state::forget(forget_job ask, done<forget_job> reply) {
  if (jobs_.count(ask.job_id) != 0)
    return reply(make_error(
      ec::not_ended, "the job has not ended; cancel it first", "job_id"));
  auto erase = [this, reply](caf::expected<job_view> view) {
    if (!view)
      return reply(std::move(view));
    auto erased = [this, reply, home = homeward(),
                   view = *view](const caf::error& failed) {
      home([this, reply, view, failed] {
        if (failed)
          return reply(failed);
        parts_.machine->forget(*view.record);
        reply(view);
      });
    };
    parts_.store->erase(view->record->job_id, std::move(erased));
  };
  load_ended(std::move(ask.job_id), std::move(erase));
}

void dispatcher_state::feed(send_stdin ask, done<send_stdin> reply) {
  const auto found = jobs_.find(ask.job_id);
  if (found == jobs_.end()) {
    auto refuse = [reply](caf::expected<job_view> view) {
      if (view)
        reply(make_error(ec::already_ended, "the job has ended"));
      else
        reply(std::move(view));
    };
    return load_ended(std::move(ask.job_id), std::move(refuse));
  }
  const auto& record = *found->second.record;
  if (record.status != job_status::running)
    return reply(
      make_error(ec::unavailable, "the job has not started yet; try again"));
  self_
    ->request(parts_.supervisor, caf::timespan{std::chrono::seconds{10}},
              feed_session{record.session_id, std::move(ask.bytes), ask.eof})
    .then([reply, view = view_of(found->second)] { reply(view); },
          [reply](caf::error& failed) { reply(std::move(failed)); });
}

void dispatcher_state::sessions(list_sessions ask, done<list_sessions> reply) {
  self_
    ->request(parts_.supervisor, caf::timespan{std::chrono::seconds{10}}, ask)
    .then([reply](session_list& found) { reply(std::move(found)); },
          [reply](caf::error& failed) { reply(std::move(failed)); });
}

caf::result<streamer_actor> dispatcher_state::follow(const subscribe& ask) {
  auto subscriber
    = caf::actor_cast<event_subscriber_actor>(self_->current_sender());
  if (!subscriber)
    return make_error(ec::invalid_request, "a subscription needs a subscriber");
  auto promise = self_->make_response_promise<streamer_actor>();
  get(get_job{ask.job_id},
      [this, ask, subscriber, promise](caf::expected<job_view> view) mutable {
        if (view)
          promise.deliver(
            self_->spawn<streamer>(std::move(view->follow), subscriber, ask));
        else
          promise.deliver(std::move(view.error()));
      });
  return promise;
}

// -- finding jobs -------------------------------------------------------------

job_view dispatcher_state::view_of(const active_job& job, bool created) const {
  auto record = std::make_shared<job_record>(*job.record);
  record->phases = job.follow->phases();
  return {std::move(record), job.follow, created};
}

job_view dispatcher_state::view_of_ended(
  std::shared_ptr<const job_record> record) const {
  auto prefix = parts_.paths.spool_prefix(record->session_id);
  auto past = std::make_shared<history>(record, std::move(prefix));
  return {std::move(record), std::move(past), false};
}

// The store calls back on its own thread; this brings the rest of the work
// back into the actor.
std::function<void(std::function<void()>)> dispatcher_state::homeward() const {
  auto me = caf::actor_cast<dispatcher_actor>(self_);
  return [me](std::function<void()> work) {
    caf::anon_send(me, resume_work{std::move(work)});
  };
}

void dispatcher_state::load_ended(std::string job_id, done<get_job> reply) {
  auto loaded = [this, job_id, home = homeward(),
                 reply](caf::expected<std::optional<job_record>> found) {
    home([this, job_id, reply, found = std::move(found)] {
      if (!found)
        return reply(found.error());
      if (!*found)
        return reply(no_such_job(job_id));
      // It may have been accepted while the store was looking.
      if (const auto job = jobs_.find(job_id); job != jobs_.end())
        return reply(view_of(job->second));
      reply(view_of_ended(std::make_shared<const job_record>(**found)));
    });
  };
  parts_.store->load(std::move(job_id), std::move(loaded));
}

} // namespace ocw
