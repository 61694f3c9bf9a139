#include "app/event_follower.hpp"

#include "app/node_answer.hpp"
#include "app/sse_reader.hpp"
#include "messages/event_json.hpp"
#include "ocw/errors.hpp"

#include <algorithm>
#include <thread>

namespace ocw {

namespace {

bool is_last(event_type type) {
  return type == event_type::job_complete || type == event_type::job_error;
}

/// Refusals that may not last.
bool is_passing(unsigned status) {
  return status == 429 || status >= 500;
}

/// The place in one job's history.
class cursor {
public:
  cursor(uint64_t next, const job_event_function& each)
    : next_(next), each_(each) {}

  /// False when no more is wanted, can be had or understood.
  bool take(const sse_event& raw) {
    auto event = read_event_json(raw.data);
    if (!event) {
      error_ = make_error(ec::internal, "cannot read an event: "
                                          + sentence_of(event.error()));
      return false;
    }
    if (event->seq < next_)
      return true; // seen before
    if (event->seq > next_) {
      error_ = make_error(ec::internal,
                          "event " + std::to_string(next_) + " is missing");
      return false;
    }
    ++next_;
    over_ = !each_(*event) || is_last(event->type);
    return !over_;
  }

  uint64_t next() const { return next_; }
  bool over() const { return over_; }
  const caf::error& error() const { return error_; }

private:
  uint64_t next_;
  const job_event_function& each_;
  bool over_ = false;
  caf::error error_;
};

http_call call_for(const std::string& job_id, uint64_t next,
                   std::chrono::milliseconds patience) {
  auto call = http_call{};
  call.target = job_target(job_id, "/events");
  call.headers = {{"Accept", "text/event-stream"}};
  call.patience = patience;
  if (next > 1)
    call.headers.emplace_back("Last-Event-ID", std::to_string(next - 1));
  return call;
}

/// What one connection came to.
struct attempt {
  caf::error error; ///< none: it ended in good order
  bool final = false;
};

attempt follow_once(http_client& node, const http_call& call, cursor& at) {
  auto reader = sse_reader{};
  const auto take = [&](const sse_event& event) { return at.take(event); };
  const auto answer = node.stream(
    call, [&](std::string_view piece) { return reader.feed(piece, take); });
  if (at.error())
    return {at.error(), true};
  if (!answer)
    return {answer.error(), false};
  if (!answer->ok())
    return {refusal_of(*answer), !is_passing(answer->status)};
  return {unreachable("the node at " + url_of(node.where())
                      + " ended the event stream early"),
          false};
}

} // namespace

caf::error follow_events(http_client& node, const std::string& job_id,
                         const follow_options& how,
                         const job_event_function& each) {
  auto at = cursor{std::max(how.from_seq, uint64_t{1}), each};
  auto failures = 0u;
  auto pause = how.first_pause;
  for (;;) {
    const auto before = at.next();
    const auto result
      = follow_once(node, call_for(job_id, before, how.patience), at);
    if (at.over())
      return {};
    if (result.final)
      return result.error;
    if (at.next() != before) {
      failures = 0;
      pause = how.first_pause;
    }
    if (++failures > how.attempts)
      return result.error;
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, how.longest_pause);
  }
}

} // namespace ocw
