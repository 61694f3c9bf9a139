#pragma once

#include "ocw/actors.hpp"
#include "process/session_machine.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <memory>

namespace ocw {

/// Runs one job, step by step; every step answers with one message:
///
///     INIT ─▶ PREPARE ─prepare_done─▶ EXECUTE ─process_ended─▶ COLLECT
///       stop │      │ error, stop         │ start_refused        │
///       collect_done
///            └──────┴─────────────────────┴──────▶ DESTROY ◀─────┘
///                                                    │ destroy_done
///                                                    ▼
///                                         session_ended, then quit
///
/// A stop in COLLECT or later changes nothing: the job has ended by then.
class session_state {
public:
  static inline constexpr const char* name = "ocw.session";

  /// `machine` outlives the actor system.
  session_state(session_actor::pointer self, session_machine& machine,
                std::shared_ptr<const session_task> task,
                session_listener_actor listener);

  session_actor::behavior_type make_behavior();

private:
  void prepare();
  void execute(const prepare_done& done);
  void refuse(const start_refused& refusal);
  void collect(const process_end& end);
  void destroy(collect_done& done);
  void enter_destroy();
  void finish(const destroy_done& done);
  void stop(const stop_session& ask);
  caf::result<void> feed(feed_session& ask);
  bool may_start_again(const start_refused& refusal);

  void enter(phase next);
  uint64_t spent_ms(phase which) const;
  void fill_metrics();

  session_actor::pointer self_;
  session_machine& machine_;
  std::shared_ptr<const session_task> task_;
  session_listener_actor listener_;
  job_record record_; ///< what is known of the job; reported at the end
  phase phase_ = phase::init;
  end_reason stopped_;   ///< why a stop was asked for, if it was
  bool decided_ = false; ///< the end's reason stands; nothing overrides it
  std::shared_ptr<running_process> process_;
  bool input_open_;            ///< more may come
  bool fed_ = false;           ///< it was sent input while it ran
  bool started_again_ = false; ///< its first shim was lost
};

using session = session_actor::stateful_impl<session_state>;

} // namespace ocw
