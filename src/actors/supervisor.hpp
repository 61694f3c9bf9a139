#pragma once

#include "ocw/actors.hpp"
#include "process/session_machine.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <memory>
#include <string>
#include <unordered_map>

namespace ocw {

/// Owns the node's sessions: spawns one per job, watches it, and passes stops
/// and input on. A session actor that dies without having reported its end
/// (a fault of ours) is reported as ended here, so that its job does end.
class supervisor_state {
public:
  static inline constexpr const char* name = "ocw.supervisor";

  /// `machine` outlives the actor system.
  supervisor_state(supervisor_actor::pointer self, session_machine& machine);

  supervisor_actor::behavior_type make_behavior();

private:
  struct open_one {
    session_actor actor;
    std::shared_ptr<const session_task> task;
    session_listener_actor listener;
  };

  caf::result<void> open(const open_session& ask);
  void stop(const stop_session& ask);
  caf::result<void> feed(const feed_session& ask);
  session_list list() const;
  void closed(const caf::down_msg& msg);

  supervisor_actor::pointer self_;
  session_machine& machine_;
  std::unordered_map<std::string, open_one> sessions_; ///< by session id
  std::unordered_map<caf::actor_addr, std::string> ids_;
};

using supervisor = supervisor_actor::stateful_impl<supervisor_state>;

} // namespace ocw
