#pragma once

#include "ocw/actors.hpp"
#include "store/history.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

namespace ocw {

/// Sends one job's history to one subscriber, as far as it grants credit. What
/// is not granted stays in the spool: a subscriber that stops costs this
/// actor's few words and nothing else.
class streamer_state {
public:
  static inline constexpr const char* name = "ocw.streamer";

  streamer_state(streamer_actor::pointer self, history_ptr source,
                 event_subscriber_actor subscriber, const subscribe& ask);

  streamer_actor::behavior_type make_behavior();

private:
  void send_what_is_granted();
  void wait_for_more();

  streamer_actor::pointer self_;
  history_ptr source_;
  event_subscriber_actor subscriber_;
  uint64_t next_seq_;
  uint64_t credit_;
  bool waiting_ = false;
  wake_ticket ticket_;
};

using streamer = streamer_actor::stateful_impl<streamer_state>;

} // namespace ocw
