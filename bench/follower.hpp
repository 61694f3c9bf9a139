#pragma once

#include "common.hpp"
#include "event.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace ocw::bench {

/// Takes one job's events and holds the node to what it promises: no gap, no
/// duplicate, and as many bytes as the last event says.
class follower {
public:
  explicit follower(std::string job_id) : job_id_(std::move(job_id)) {}

  /// Takes one message. True when it was an event of the followed job.
  bool accept(std::string_view json, int64_t now);

  bool is_done() const { return done_; }
  uint64_t bytes() const { return stdout_bytes_ + stderr_bytes_; }
  uint64_t chunks() const { return chunks_; }
  int64_t first_ns() const { return first_ns_; } ///< of the first output
  int64_t last_ns() const { return last_ns_; }   ///< of the last output
  /// The event that `accept` returned true for.
  const event_view& event() const { return event_; }

private:
  void take_output(int64_t now);
  void take_end(std::string_view json);

  std::string job_id_;
  event_view event_;
  uint64_t last_seq_ = 0;
  uint64_t stdout_bytes_ = 0;
  uint64_t stderr_bytes_ = 0;
  uint64_t chunks_ = 0;
  int64_t first_ns_ = 0;
  int64_t last_ns_ = 0;
  bool done_ = false;
};

/// Gives `who` everything that `stream` has received already.
template <class Stream>
void take_received(Stream& stream, follower& who) {
  const auto now = now_ns();
  auto text = std::string_view{};
  while (!who.is_done() && stream.next(text))
    who.accept(text, now);
}

/// Receives once, then as above.
template <class Stream>
void advance(Stream& stream, follower& who) {
  if (!stream.fill())
    fail("the node hung up before the job's last event");
  take_received(stream, who);
}

template <class Stream>
void follow_to_end(Stream& stream, follower& who) {
  take_received(stream, who);
  while (!who.is_done())
    advance(stream, who);
}

/// What a WebSocket client says to follow a job from its first event.
std::string subscribe_message(std::string_view job_id);

} // namespace ocw::bench
