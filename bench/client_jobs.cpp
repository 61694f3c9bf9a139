#include "client.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace ocw::bench {

namespace {

struct connection {
  unique_fd fd;
  std::string received;
  int64_t sent_ns = 0;
};

class loader {
public:
  loader(const endpoint& node, const load_plan& plan);

  /// Sends `count` requests and waits for their answers.
  void run(uint64_t count);
  latencies& times() { return times_; }

private:
  void send_next(connection& peer);
  void receive(connection& peer);
  void check(const answer_view& reply) const;

  const load_plan& plan_;
  std::string request_;
  std::vector<connection> peers_;
  unique_fd poll_;
  uint64_t to_send_ = 0;
  uint64_t waiting_ = 0;
  latencies times_;
};

loader::loader(const endpoint& node, const load_plan& plan)
  : plan_(plan),
    request_(make_request(node, plan.method_target, plan.body)),
    peers_(plan.in_flight),
    poll_(epoll_create1(EPOLL_CLOEXEC)) {
  for (auto& peer : peers_) {
    peer.fd = connect_to(node);
    auto event = epoll_event{};
    event.events = EPOLLIN;
    event.data.ptr = &peer;
    epoll_ctl(poll_.get(), EPOLL_CTL_ADD, peer.fd.get(), &event);
  }
}

void loader::run(uint64_t count) {
  to_send_ = count;
  for (auto i = size_t{0}; i < peers_.size() && to_send_ > 0; ++i)
    send_next(peers_[i]);
  epoll_event events[64];
  while (waiting_ > 0) {
    const auto n = epoll_wait(poll_.get(), events, 64, -1);
    for (auto i = 0; i < n; ++i)
      receive(*static_cast<connection*>(events[i].data.ptr));
  }
}

void loader::send_next(connection& peer) {
  peer.sent_ns = now_ns();
  write_all(peer.fd.get(), request_);
  --to_send_;
  ++waiting_;
}

void loader::receive(connection& peer) {
  char bytes[16384];
  const auto n = recv(peer.fd.get(), bytes, sizeof(bytes), 0);
  if (n < 0 && errno == EINTR)
    return;
  if (n <= 0)
    fail("the node closed a connection");
  peer.received.append(bytes, static_cast<size_t>(n));
  const auto reply = find_answer(peer.received);
  if (!reply)
    return;
  check(*reply);
  peer.received.erase(0, reply->size);
  times_.add(now_ns() - peer.sent_ns);
  --waiting_;
  if (to_send_ > 0)
    send_next(peer);
}

void loader::check(const answer_view& reply) const {
  if (reply.status != 201
      || reply.body.find(plan_.expected) == std::string_view::npos)
    fail("an answer with status " + std::to_string(reply.status)
         + " that is not as expected: " + std::string{reply.body});
}

} // namespace

void run_load(const endpoint& node, const load_plan& plan) {
  auto load = loader{node, plan};
  load.run(plan.warm_up);
  load.times().clear();
  const auto cpu_before = cpu_used();
  const auto before = now_ns();
  load.run(plan.total);
  const auto seconds = static_cast<double>(now_ns() - before) / 1e9;
  const auto count = static_cast<double>(plan.total);
  json_object{}
    .add("jobs", plan.total)
    .add("jobs_with_warm_up", plan.total + plan.warm_up)
    .add("in_flight", plan.in_flight)
    .add("jobs_per_s", count / seconds)
    .add("p50_us", load.times().percentile_us(50))
    .add("p99_us", load.times().percentile_us(99))
    .add("client_cpu_us", (cpu_used().self_us - cpu_before.self_us) / count)
    .print();
}

std::string job_request(const std::vector<std::string>& argv,
                        std::string_view job_id, uint64_t output_bytes) {
  auto text = std::string{"{\"argv\":["};
  for (const auto& word : argv)
    text += (text.back() == '[' ? "\"" : ",\"") + word + '"';
  text += ']';
  if (!job_id.empty())
    text += ",\"job_id\":\"" + std::string{job_id} + '"';
  if (output_bytes > 0)
    text += ",\"limits\":{\"max_output_size\":" + std::to_string(output_bytes)
            + '}';
  text += '}';
  return text;
}

std::vector<std::string> producer(std::string_view kind, uint64_t size) {
  const auto count = std::to_string(size);
  if (kind == "head")
    return {"head", "-c", count, "/dev/zero"};
  if (kind == "lines")
    return {program_dir() + "/bench_raw", "lines", count};
  fail("no such producer: " + std::string{kind});
}

} // namespace ocw::bench
