#include "client.hpp"
#include "follower.hpp"
#include "sse.hpp"
#include "websocket.hpp"

#include <unistd.h>

namespace ocw::bench {

namespace {

/// Waits for the first event of the job, the proof of being subscribed.
template <class Stream>
void wait_subscribed(Stream& stream, const std::string& job_id) {
  auto who = follower{job_id};
  auto text = std::string_view{};
  for (;;) {
    while (stream.next(text))
      if (who.accept(text, now_ns()))
        return;
    if (!stream.fill())
      fail("the node hung up on an idle subscriber");
  }
}

void report_and_hold(uint64_t count, int64_t started_ns) {
  const auto seconds = static_cast<double>(now_ns() - started_ns) / 1e9;
  json_object{}.add("subscribers", count).add("connect_all_s", seconds).print();
  char byte = 0;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
    // until whoever measures is done
  }
}

void hold_websockets(const endpoint& node, uint64_t count,
                     const std::string& job_id) {
  const auto started = now_ns();
  auto all = std::vector<websocket>{};
  for (auto i = uint64_t{0}; i < count; ++i) {
    all.emplace_back(node);
    all.back().send_text(subscribe_message(job_id));
  }
  for (auto& one : all)
    wait_subscribed(one, job_id);
  report_and_hold(count, started);
}

void hold_event_streams(const endpoint& node, uint64_t count,
                        const std::string& job_id) {
  const auto started = now_ns();
  auto all = std::vector<sse_stream>{};
  for (auto i = uint64_t{0}; i < count; ++i)
    all.emplace_back(node, job_id);
  for (auto& one : all)
    wait_subscribed(one, job_id);
  report_and_hold(count, started);
}

} // namespace

void hold_subscribers(const endpoint& node, uint64_t count, bool use_sse) {
  const auto job_id = new_job_id();
  submit(node, job_request({"sleep", "300"}, job_id, 0));
  if (use_sse)
    hold_event_streams(node, count, job_id);
  else
    hold_websockets(node, count, job_id);
  ask(node, "POST /v1/jobs/" + job_id + "/cancel", R"({"reason":"measured"})");
}

} // namespace ocw::bench
