#pragma once

#include "ocw/actors.hpp"
#include "ocw/config.hpp"
#include "policy/command_policy.hpp"
#include "process/session_machine.hpp"
#include "store/history.hpp"
#include "store/job_store.hpp"
#include "store/store_paths.hpp"

#include <caf/disposable.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace ocw {

/// What a dispatcher works with. Everything pointed to outlives it.
struct dispatcher_parts {
  std::shared_ptr<const config> settings;
  worker_info worker; ///< of this node, without what changes
  store_paths paths;
  job_store* store = nullptr;
  session_machine* machine = nullptr;
  governor_actor governor;
  supervisor_actor supervisor;
};

/// Knows every job that has not ended, and finds the others in the store.
///
///     submit ─▶ stored? ─▶ pending ─▶ slot ─▶ running ─▶ ended ─▶ forgotten
///
/// A job whose id was made here starts while the store is still writing it;
/// the reply waits for the store. One whose id came from outside waits for
/// the store's word that the id is free.
class dispatcher_state {
public:
  static inline constexpr const char* name = "ocw.dispatcher";

  dispatcher_state(dispatcher_actor::pointer self, dispatcher_parts parts);

  dispatcher_actor::behavior_type make_behavior();

private:
  template <class Request>
  using done = std::function<void(caf::expected<typename Request::reply>)>;

  /// A job that has not ended.
  struct active_job {
    std::shared_ptr<const job_record> record;
    std::shared_ptr<const job_request> request;
    effective_limits limits;
    history_ptr follow;
    bool stored = false;
    bool queued = false;  ///< the governor knows of it
    bool dropped = false; ///< the store refused it; nobody was told of it
    std::vector<done<submit_job>> waiting_for_store;
    caf::disposable queue_expiry;
  };
  using job_map = std::unordered_map<std::string, active_job>;

  // -- operations
  // --------------------------------------------------------------

  void submit(submit_job ask, done<submit_job> reply);
  caf::error check_wanted(const job_request& request,
                          const effective_limits& limits) const;
  caf::error check_workspace(const job_request& request) const;
  void get(get_job ask, done<get_job> reply);
  void list(list_jobs ask, done<list_jobs> reply);
  void cancel(cancel_job ask, done<cancel_job> reply);
  void forget(forget_job ask, done<forget_job> reply);
  void feed(send_stdin ask, done<send_stdin> reply);
  void sessions(list_sessions ask, done<list_sessions> reply);
  void report(get_node ask, done<get_node> reply);
  caf::result<streamer_actor> follow(const subscribe& ask);

  // -- the life of a job
  // -------------------------------------------------------

  void accept(job_request request, effective_limits limits,
              done<submit_job> reply);
  void resubmit(active_job& job, const job_request& request,
                const done<submit_job>& reply);
  void stored(const std::string& job_id, const insert_outcome& outcome);
  void turn_away(job_map::iterator job, const insert_outcome& outcome);
  void enqueue(active_job& job);
  void start(const slot_granted& slot);
  void refuse_slot(const slot_refused& refusal);
  void give_up_waiting(const std::string& job_id);
  void ended(const session_ended& msg);
  void end_unstarted(job_map::iterator job, end_reason reason);
  void retire(job_map::iterator job, std::shared_ptr<const job_record> record);
  void recover(stored_job job);
  void resume_pending(stored_job job, effective_limits limits);
  void close_lost(stored_job job, const effective_limits& limits);

  // -- the node
  // ----------------------------------------------------------------

  void drain(drain_node ask);
  void stop_running();
  void quit_when_done();
  void count(const job_record& record);
  readiness check_ready() const;
  void change_settings(const settings_changed& msg);

  job_view view_of(const active_job& job, bool created = false) const;
  job_view view_of_ended(std::shared_ptr<const job_record> record) const;
  std::function<void(std::function<void()>)> homeward() const;
  void load_ended(std::string job_id, done<get_job> reply);

  template <class Request>
  auto asked(void (dispatcher_state::*operation)(Request, done<Request>));
  template <class Request>
  auto sent(void (dispatcher_state::*operation)(Request, done<Request>));

  dispatcher_actor::pointer self_;
  dispatcher_parts parts_;
  policy::command_policy policy_;
  job_map jobs_;
  node_counters counters_;
  uint64_t running_ = 0;
  bool draining_ = false;
  launcher_state launcher_{true, {}};
  caf::disposable drain_deadline_;
};

using dispatcher = dispatcher_actor::stateful_impl<dispatcher_state>;

} // namespace ocw
