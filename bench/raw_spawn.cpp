#include "common.hpp"
#include "raw.hpp"

#include <cerrno>
#include <fcntl.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ocw::bench {

namespace {

enum class source : uint64_t { out, err, exit };

/// Everything that belongs to one running child.
struct slot {
  unique_fd out;
  unique_fd err;
  unique_fd pidfd;
  int64_t started_ns = 0;
  bool is_done() const {
    return !out.is_open() && !err.is_open() && !pidfd.is_open();
  }
};

class spawner {
public:
  explicit spawner(const spawn_plan& plan);

  /// Runs `count` jobs to their ends.
  void run(uint64_t count);
  latencies& times() { return times_; }

private:
  void start(size_t index);
  void watch(size_t index, source what, int fd);
  void handle(const epoll_event& event);
  void drain(unique_fd& pipe);
  void reap(unique_fd& pidfd);
  void forget(unique_fd& fd);

  std::vector<char*> argv_;
  std::vector<std::string> words_;
  std::vector<slot> slots_;
  unique_fd poll_;
  uint64_t to_start_ = 0;
  uint64_t running_ = 0;
  latencies times_;
};

spawner::spawner(const spawn_plan& plan)
  : words_(plan.argv),
    slots_(plan.in_flight),
    poll_(epoll_create1(EPOLL_CLOEXEC)) {
  for (auto& word : words_)
    argv_.push_back(word.data());
  argv_.push_back(nullptr);
}

void spawner::run(uint64_t count) {
  to_start_ = count;
  for (auto i = size_t{0}; i < slots_.size() && to_start_ > 0; ++i)
    start(i);
  epoll_event events[64];
  while (running_ > 0) {
    auto n = epoll_wait(poll_.get(), events, 64, -1);
    for (auto i = 0; i < n; ++i)
      handle(events[i]);
  }
}

void spawner::start(size_t index) {
  auto& place = slots_[index];
  int out[2];
  int err[2];
  place.started_ns = now_ns();
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
    fail_errno("cannot make a pipe");
  auto actions = posix_spawn_file_actions_t{};
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
                                   O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
  auto pid = pid_t{0};
  errno
    = posix_spawnp(&pid, argv_[0], &actions, nullptr, argv_.data(), environ);
  if (errno != 0)
    fail_errno("cannot start " + words_[0]);
  posix_spawn_file_actions_destroy(&actions);
  close(out[1]);
  close(err[1]);
  place.out = unique_fd{out[0]};
  place.err = unique_fd{err[0]};
  place.pidfd = unique_fd{static_cast<int>(syscall(SYS_pidfd_open, pid, 0))};
  if (!place.pidfd.is_open())
    fail_errno("cannot open a pidfd");
  watch(index, source::out, out[0]);
  watch(index, source::err, err[0]);
  watch(index, source::exit, place.pidfd.get());
  --to_start_;
  ++running_;
}

void spawner::watch(size_t index, source what, int fd) {
  auto event = epoll_event{};
  event.events = EPOLLIN;
  event.data.u64 = index << 2 | static_cast<uint64_t>(what);
  if (epoll_ctl(poll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
    fail_errno("cannot watch a child");
}

void spawner::handle(const epoll_event& event) {
  const auto index = static_cast<size_t>(event.data.u64 >> 2);
  auto& place = slots_[index];
  switch (static_cast<source>(event.data.u64 & 3)) {
  case source::out:
    drain(place.out);
    break;
  case source::err:
    drain(place.err);
    break;
  case source::exit:
    reap(place.pidfd);
    break;
  }
  if (!place.is_done())
    return;
  times_.add(now_ns() - place.started_ns);
  --running_;
  if (to_start_ > 0)
    start(index);
}

void spawner::drain(unique_fd& pipe) {
  char bytes[4096];
  if (read(pipe.get(), bytes, sizeof(bytes)) <= 0)
    forget(pipe);
}

void spawner::reap(unique_fd& pidfd) {
  auto info = siginfo_t{};
  if (waitid(P_PIDFD, static_cast<id_t>(pidfd.get()), &info, WEXITED) != 0)
    fail_errno("cannot wait for a child");
  if (info.si_code != CLD_EXITED || info.si_status != 0)
    fail("a child of " + words_[0] + " failed with "
         + std::to_string(info.si_status));
  forget(pidfd);
}

// A sibling that has not reached exec still holds the file, and with it the
// registration: closing alone would leave events for a slot's next child.
void spawner::forget(unique_fd& fd) {
  epoll_ctl(poll_.get(), EPOLL_CTL_DEL, fd.get(), nullptr);
  fd.reset();
}

} // namespace

void run_spawn(const spawn_plan& plan) {
  raise_file_limit();
  auto jobs = spawner{plan};
  jobs.run(plan.warm_up);
  jobs.times().clear();
  const auto cpu_before = cpu_used();
  const auto before = now_ns();
  jobs.run(plan.total);
  const auto seconds = static_cast<double>(now_ns() - before) / 1e9;
  const auto cpu = cpu_used();
  const auto count = static_cast<double>(plan.total);
  json_object{}
    .add("jobs", plan.total)
    .add("in_flight", plan.in_flight)
    .add("jobs_per_s", count / seconds)
    .add("p50_us", jobs.times().percentile_us(50))
    .add("p99_us", jobs.times().percentile_us(99))
    .add("parent_cpu_us", (cpu.self_us - cpu_before.self_us) / count)
    .add("child_cpu_us", (cpu.children_us - cpu_before.children_us) / count)
    .print();
}

} // namespace ocw::bench
