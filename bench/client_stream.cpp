#include "client.hpp"
#include "follower.hpp"
#include "latency.hpp"
#include "sse.hpp"
#include "websocket.hpp"

#include <memory>
#include <sys/epoll.h>

namespace ocw::bench {

namespace {

/// A few bytes more than the job writes, so that no limit is near.
constexpr auto spare = uint64_t{1} << 20;

void forget_job(const endpoint& node, const std::string& job_id) {
  const auto reply = ask(node, "DELETE /v1/jobs/" + job_id, {});
  if (reply.status < 200 || reply.status > 299)
    fail("the job cannot be forgotten: " + reply.body);
}

template <class Stream>
struct subscription {
  subscription(Stream opened, const std::string& job_id)
    : stream(std::move(opened)), who(job_id) {}
  Stream stream;
  follower who;
};

template <class Stream>
using subscriptions = std::vector<std::unique_ptr<subscription<Stream>>>;

// One subscriber just reads; a hundred are waited for together.
template <class Stream>
void follow_all(subscriptions<Stream>& all) {
  if (all.size() == 1)
    return follow_to_end(all[0]->stream, all[0]->who);
  auto poll = unique_fd{epoll_create1(EPOLL_CLOEXEC)};
  auto open = all.size();
  auto settle = [&](subscription<Stream>& one) {
    if (!one.who.is_done())
      return;
    epoll_ctl(poll.get(), EPOLL_CTL_DEL, one.stream.fd(), nullptr);
    --open;
  };
  for (auto& one : all) {
    auto event = epoll_event{};
    event.events = EPOLLIN;
    event.data.ptr = one.get();
    epoll_ctl(poll.get(), EPOLL_CTL_ADD, one->stream.fd(), &event);
    take_received(one->stream, one->who);
    settle(*one);
  }
  epoll_event events[64];
  while (open > 0) {
    const auto n = epoll_wait(poll.get(), events, 64, -1);
    for (auto i = 0; i < n; ++i) {
      auto& one = *static_cast<subscription<Stream>*>(events[i].data.ptr);
      advance(one.stream, one.who);
      settle(one);
    }
  }
}

template <class Stream>
void report(const subscriptions<Stream>& all, int64_t submitted_ns) {
  auto bytes = uint64_t{0};
  auto chunks = uint64_t{0};
  auto first = INT64_MAX;
  auto last = int64_t{0};
  for (const auto& one : all) {
    bytes += one->who.bytes();
    chunks += one->who.chunks();
    first = std::min(first, one->who.first_ns());
    last = std::max(last, one->who.last_ns());
  }
  const auto size = static_cast<double>(bytes);
  const auto rate = [&](int64_t since) {
    return size / 1e6 / (static_cast<double>(last - since) / 1e9);
  };
  json_object{}
    .add("bytes", bytes)
    .add("subscribers", uint64_t{all.size()})
    .add("chunks", chunks)
    .add("mb_per_s", rate(first))
    .add("mb_per_s_from_submit", rate(submitted_ns))
    .add("client_cpu_s_per_gb", cpu_used().self_us / 1e6 / (size / 1e9))
    .print();
}

void stream_over_websocket(const endpoint& node, const stream_plan& plan,
                           const std::string& job_id) {
  auto all = subscriptions<websocket>{};
  for (auto i = uint64_t{0}; i < plan.subscribers; ++i)
    all.push_back(
      std::make_unique<subscription<websocket>>(websocket{node}, job_id));
  const auto submitted = now_ns();
  submit(node, job_request(producer(plan.kind, plan.size), job_id,
                           plan.size + spare));
  for (auto& one : all)
    one->stream.send_text(subscribe_message(job_id));
  follow_all(all);
  report(all, submitted);
}

void stream_over_sse(const endpoint& node, const stream_plan& plan,
                     const std::string& job_id) {
  const auto submitted = now_ns();
  submit(node, job_request(producer(plan.kind, plan.size), job_id,
                           plan.size + spare));
  auto all = subscriptions<sse_stream>{};
  for (auto i = uint64_t{0}; i < plan.subscribers; ++i)
    all.push_back(std::make_unique<subscription<sse_stream>>(
      sse_stream{node, job_id}, job_id));
  follow_all(all);
  report(all, submitted);
}

} // namespace

void run_stream(const endpoint& node, const stream_plan& plan) {
  const auto job_id = new_job_id();
  if (plan.use_sse)
    stream_over_sse(node, plan, job_id);
  else
    stream_over_websocket(node, plan, job_id);
  forget_job(node, job_id);
}

void run_latency(const endpoint& node, uint64_t count, uint64_t interval_us) {
  const auto job_id = new_job_id();
  auto stream = websocket{node};
  const auto program = program_dir() + "/bench_raw";
  submit(node, job_request({program, "fbw", std::to_string(count),
                            std::to_string(interval_us)},
                           job_id, 0));
  stream.send_text(subscribe_message(job_id));
  auto who = follower{job_id};
  auto delays = line_latency{};
  auto text = std::string_view{};
  while (!who.is_done()) {
    if (!stream.wait_next(text))
      fail("the node hung up before the job's last event");
    const auto now = now_ns();
    if (who.accept(text, now) && who.event().is_output())
      delays.add(decode_chunk(who.event()), now);
  }
  forget_job(node, job_id);
  json_object{}
    .add("lines", delays.samples())
    .add("p50_us", delays.percentile_us(50))
    .add("p99_us", delays.percentile_us(99))
    .print();
}

void run_stall(const endpoint& node, std::string_view kind, uint64_t size) {
  const auto job_id = new_job_id();
  auto stalled = websocket{node};
  auto fast = websocket{node};
  submit(node, job_request(producer(kind, size), job_id, size + spare));
  stalled.send_text(subscribe_message(job_id));
  fast.send_text(subscribe_message(job_id));
  auto patient = follower{job_id};
  while (patient.chunks() == 0)
    advance(stalled, patient);
  const auto stalled_at = patient.bytes();
  auto who = follower{job_id};
  follow_to_end(fast, who);
  follow_to_end(stalled, patient);
  forget_job(node, job_id);
  const auto seconds
    = static_cast<double>(who.last_ns() - who.first_ns()) / 1e9;
  json_object{}
    .add("bytes", who.bytes())
    .add("fast_mb_per_s", static_cast<double>(who.bytes()) / 1e6 / seconds)
    .add("stalled_at_byte", stalled_at)
    .add("stalled_bytes_in_the_end", patient.bytes())
    .print();
}

} // namespace ocw::bench
