#include "common.hpp"
#include "latency.hpp"
#include "raw.hpp"

#include <cerrno>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ocw::bench {

namespace {

constexpr auto block = size_t{64} << 10;

/// What the reader's process tells the relay when it is done.
struct reader_report {
  uint64_t bytes = 0;
  int64_t first_ns = 0;
  int64_t last_ns = 0;
  double p50_us = 0;
  double p99_us = 0;
  uint64_t samples = 0;
};

struct tcp_pair {
  unique_fd writer;
  unique_fd reader;
};

tcp_pair connect_loopback() {
  auto listener = unique_fd{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  auto address = sockaddr_in{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto size = socklen_t{sizeof(address)};
  auto* name = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener.get(), name, size) != 0 || listen(listener.get(), 1) != 0
      || getsockname(listener.get(), name, &size) != 0)
    fail_errno("cannot listen on loopback");
  auto result = tcp_pair{};
  result.reader = unique_fd{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (connect(result.reader.get(), name, size) != 0)
    fail_errno("cannot connect on loopback");
  result.writer
    = unique_fd{accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)};
  if (!result.writer.is_open())
    fail_errno("cannot accept on loopback");
  const auto on = 1;
  setsockopt(result.writer.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return result;
}

void take(reader_report& report, line_latency& delays, std::string_view bytes,
          bool timestamps) {
  report.last_ns = now_ns();
  if (report.bytes == 0)
    report.first_ns = report.last_ns;
  report.bytes += bytes.size();
  if (timestamps)
    delays.add(bytes, report.last_ns);
}

/// Reads until every connection is at its end.
reader_report read_all(const std::vector<tcp_pair>& links, bool timestamps) {
  static char bytes[block];
  auto report = reader_report{};
  auto delays = line_latency{};
  auto waiting = std::vector<pollfd>{};
  for (const auto& link : links)
    waiting.push_back({link.reader.get(), POLLIN, 0});
  while (!waiting.empty()) {
    // One subscriber just reads; several are waited for together.
    if (waiting.size() > 1)
      poll(waiting.data(), waiting.size(), -1);
    else
      waiting[0].revents = POLLIN;
    for (auto& one : waiting) {
      if (one.revents == 0)
        continue;
      const auto n = read(one.fd, bytes, block);
      if (n > 0)
        take(report, delays, {bytes, static_cast<size_t>(n)}, timestamps);
      else if (n == 0 || errno != EINTR)
        one.fd = -1;
    }
    std::erase_if(waiting, [](const pollfd& one) { return one.fd < 0; });
  }
  report.samples = delays.samples();
  report.p50_us = delays.percentile_us(50);
  report.p99_us = delays.percentile_us(99);
  return report;
}

/// A process of its own, as the node's client is one.
struct reader_process {
  pid_t pid = -1;
  unique_fd report;
};

reader_process fork_reader(std::vector<tcp_pair>& links, bool timestamps) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0)
    fail_errno("cannot make a pipe");
  auto pid = fork();
  if (pid < 0)
    fail_errno("cannot fork the reader");
  if (pid == 0) {
    close(fds[0]);
    for (auto& link : links)
      link.writer.reset();
    const auto report = read_all(links, timestamps);
    write_all(fds[1], {reinterpret_cast<const char*>(&report), sizeof(report)});
    _exit(0);
  }
  close(fds[1]);
  for (auto& link : links)
    link.reader.reset();
  return {pid, unique_fd{fds[0]}};
}

struct producer_process {
  pid_t pid = -1;
  unique_fd out;
};

producer_process start_producer(std::vector<std::string> words) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0)
    fail_errno("cannot make a pipe");
  auto argv = std::vector<char*>{};
  for (auto& word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  auto actions = posix_spawn_file_actions_t{};
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
  auto pid = pid_t{0};
  errno = posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  if (errno != 0)
    fail_errno("cannot start " + words[0]);
  posix_spawn_file_actions_destroy(&actions);
  close(fds[1]);
  return {pid, unique_fd{fds[0]}};
}

void copy(int from, int kept, const std::vector<tcp_pair>& links) {
  static char bytes[block];
  for (;;) {
    auto n = read(from, bytes, block);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return;
    if (kept >= 0)
      write_all(kept, {bytes, static_cast<size_t>(n)});
    for (const auto& link : links)
      write_all(link.writer.get(), {bytes, static_cast<size_t>(n)});
  }
}

struct relay_result {
  reader_report seen;
  double cpu_us = 0; ///< of the relay alone
};

relay_result relay(const relay_plan& plan, bool timestamps) {
  auto kept = unique_fd{};
  if (!plan.kept_in.empty()) {
    kept = unique_fd{open(plan.kept_in.c_str(),
                          O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    if (!kept.is_open())
      fail_errno("cannot make " + plan.kept_in);
  }
  auto links = std::vector<tcp_pair>{};
  for (auto i = uint64_t{0}; i < plan.subscribers; ++i)
    links.push_back(connect_loopback());
  auto reader = fork_reader(links, timestamps);
  auto producer = start_producer(plan.producer);
  const auto before = cpu_used();
  copy(producer.out.get(), kept.get(), links);
  links.clear();
  auto result = relay_result{};
  result.cpu_us = cpu_used().self_us - before.self_us;
  if (read(reader.report.get(), &result.seen, sizeof(result.seen))
      != ssize_t{sizeof(result.seen)})
    fail("the reader did not report");
  waitpid(reader.pid, nullptr, 0);
  waitpid(producer.pid, nullptr, 0);
  return result;
}

} // namespace

void run_relay(const relay_plan& plan) {
  const auto result = relay(plan, false);
  const auto& seen = result.seen;
  if (seen.bytes == 0)
    fail("the producer wrote nothing");
  const auto bytes = static_cast<double>(seen.bytes);
  const auto seconds = static_cast<double>(seen.last_ns - seen.first_ns) / 1e9;
  json_object{}
    .add("bytes", seen.bytes)
    .add("subscribers", plan.subscribers)
    .add("mb_per_s", bytes / 1e6 / seconds)
    .add("cpu_s_per_gb", result.cpu_us / 1e6 / (bytes / 1e9))
    .print();
}

void run_relay_latency(const relay_plan& plan) {
  const auto result = relay(plan, true);
  json_object{}
    .add("lines", result.seen.samples)
    .add("p50_us", result.seen.p50_us)
    .add("p99_us", result.seen.p99_us)
    .print();
}

} // namespace ocw::bench
