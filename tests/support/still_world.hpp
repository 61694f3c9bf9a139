#pragma once

#include "ocw/actors.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <optional>

namespace ocw::test {

/// An actor system in which nothing moves and no time passes unless the test
/// says so. No threads run; every test is repeatable to the last message.
class still_world {
  struct config_type : caf::actor_system_config {
    config_type() { set("caf.scheduler.policy", "testing"); }
  };

  config_type cfg_;

public:
  caf::actor_system sys{cfg_};
  caf::scoped_actor self{sys};

  /// Due or not, run what was scheduled: a pending timer keeps its actor alive,
  /// and an actor system waits for its last actor.
  ~still_world() {
    while (scheduler().trigger_timeouts() > 0)
      settle();
    settle();
  }

  /// Lets every actor work until all mailboxes are empty.
  void settle() {
    while (scheduler().try_run_once()) {
      // keep going
    }
  }

  /// Moves the clock forward and lets the consequences play out.
  void pass(caf::timespan duration) {
    scheduler().advance_time(duration);
    settle();
  }

  /// Asks as a door does. The answer is there after `settle`, or later.
  template <class Request, class Handle>
  auto ask(const Handle& handle, Request request) {
    using reply = caf::expected<typename Request::reply>;
    auto answer = std::make_shared<std::optional<reply>>();
    caf::anon_send(handle,
                   ocw::ask<Request>{std::move(request), [answer](reply given) {
                                       *answer = std::move(given);
                                     }});
    settle();
    return answer;
  }

  /// Sends a request as the test itself and takes the answer, which must come
  /// without time passing.
  template <class Reply, class Handle, class Message>
  caf::expected<Reply> request(const Handle& handle, Message msg) {
    auto response = self->request(handle, caf::infinite, std::move(msg));
    settle();
    auto result = caf::expected<Reply>{caf::error{}};
    response.receive([&](Reply& x) { result = std::move(x); },
                     [&](caf::error& x) { result = std::move(x); });
    return result;
  }

  /// The same for a message that is only answered by success or an error.
  template <class Handle, class Message>
  caf::error send_and_wait(const Handle& handle, Message msg) {
    auto response = self->request(handle, caf::infinite, std::move(msg));
    settle();
    auto result = caf::error{};
    response.receive([] {}, [&](caf::error& x) { result = std::move(x); });
    return result;
  }

private:
  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(sys.scheduler());
  }
};

} // namespace ocw::test
