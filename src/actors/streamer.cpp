#include "actors/streamer.hpp"

#include "messages/log.hpp"

#include <caf/send.hpp>

#include <algorithm>

namespace ocw {

namespace {

// One message carries no more than this, so that a large grant does not become
// one huge message; the rest follows at once.
constexpr auto max_batch_bytes = size_t{256} << 10;

size_t weight_of(const job_event& event) {
  return 256 + (event.output ? event.output->chunk.size() : 0);
}

} // namespace

streamer_state::streamer_state(streamer_actor::pointer self, history_ptr source,
                               event_subscriber_actor subscriber,
                               const subscribe& ask)
  : self_(self),
    source_(std::move(source)),
    subscriber_(std::move(subscriber)),
    next_seq_(std::max<uint64_t>(ask.from_seq, 1)),
    credit_(ask.credit) {
  self_->monitor(subscriber_);
  self_->set_down_handler([this](const caf::down_msg&) { self_->quit(); });
}

streamer_actor::behavior_type streamer_state::make_behavior() {
  self_->send(self_, history_grew{});
  waiting_ = true;
  return {
    [this](grant_credit more) {
      credit_ += more.events;
      if (!waiting_)
        send_what_is_granted();
    },
    [this](history_grew) {
      waiting_ = false;
      send_what_is_granted();
    },
  };
}

void streamer_state::send_what_is_granted() {
  auto batch = event_batch{};
  auto bytes = size_t{0};
  auto ended = false;
  while (credit_ > 0 && !ended && bytes < max_batch_bytes) {
    auto event = job_event{};
    const auto there = source_->read(next_seq_, event);
    if (!there) {
      log::error("stream.damaged", {source_->job_id(), {}}, "{}",
                 sentence_of(there.error()));
      return self_->quit(there.error());
    }
    if (!*there)
      break;
    ended = event.result.has_value();
    bytes += weight_of(event);
    ++next_seq_;
    --credit_;
    batch.events.push_back(std::move(event));
  }
  const auto full = bytes >= max_batch_bytes;
  if (!batch.events.empty())
    self_->send(subscriber_, std::move(batch));
  if (ended || (source_->ended() && next_seq_ > source_->last_seq()))
    return self_->quit();
  if (credit_ == 0)
    return;
  waiting_ = true;
  if (full)
    self_->send(self_, history_grew{});
  else
    wait_for_more();
}

void streamer_state::wait_for_more() {
  // Not a strong handle: the history would keep this actor, and it the history.
  ticket_ = source_->wake_at(next_seq_, [me = self_->address()] {
    if (auto target = caf::actor_cast<streamer_actor>(me))
      caf::anon_send(target, history_grew{});
  });
}

} // namespace ocw
