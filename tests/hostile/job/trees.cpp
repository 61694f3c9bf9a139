#include "hostile/job/hostile_job.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <new>

// Trees of processes that do not want to end. The markers by which the tests
// find them are in the environment, which all of them inherit.

namespace hostile {
namespace {

void close_standard_streams() {
  const auto null = ::open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd)
    ::dup2(null, fd);
}

template <class Body>
pid_t start(Body body) {
  const auto pid = ::fork();
  if (pid != 0)
    return pid;
  body();
  ::_exit(0);
}

// Gone from its parent, its session and, unless it keeps them, its streams.
void start_daemon(bool keeps_streams) {
  const auto pid = start([=] {
    ::setsid();
    start([=] {
      if (!keeps_streams)
        close_standard_streams();
      stay();
    });
  });
  ::waitpid(pid, nullptr, 0);
}

void ignore_all() {
  for (int signal = 1; signal < NSIG; ++signal)
    ::signal(signal, SIG_IGN);
}

void plain(long) {
  start(stay);
}

void daemon(long) {
  start_daemon(false);
}

void pipe_holder(long) {
  start_daemon(true);
}

void ignoring(long) {
  ignore_all();
  start([] {
    ::setsid();
    stay();
  });
}

void stopped(long) {
  for (int i = 0; i < 3; ++i) {
    const auto pid = start([] {
      ::setsid();
      ::raise(SIGSTOP);
      stay();
    });
    ::waitpid(pid, nullptr, WUNTRACED);
  }
}

// The tracee is stopped for its tracer, which does not care.
void traced(long) {
  int ready[2];
  (void)!::pipe(ready);
  start([&] {
    ::setsid();
    const auto tracee = start([] {
      ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
      ::raise(SIGSTOP);
      stay();
    });
    ::waitpid(tracee, nullptr, WUNTRACED);
    (void)!::write(ready[1], "x", 1);
    stay();
  });
  char byte = 0;
  (void)!::read(ready[0], &byte, 1);
}

// Orphans become the job's own children, not those of whoever watches it.
void subreaper(long) {
  start([] {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    start_daemon(false);
    stay();
  });
}

// Where it may not have namespaces of its own it is one more child.
void nested(long) {
  int ready[2];
  (void)!::pipe(ready);
  start([&] {
    (void)!::unshare(CLONE_NEWUSER | CLONE_NEWPID);
    start([&] {
      ::setsid();
      (void)!::write(ready[1], "x", 1);
      stay();
    });
    stay();
  });
  char byte = 0;
  (void)!::read(ready[0], &byte, 1);
}

// A child of this process's parent.
void sibling(long) {
  const auto pid = static_cast<pid_t>(
    ::syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, nullptr, nullptr, 0));
  if (pid == 0)
    stay();
  if (pid < 0)
    start(stay);
}

// Each is gone, with another number, before it can be killed. Where nothing
// holds the number of processes they take their time: their remains, which
// somebody has to find the time to take away, would fill the machine.
void hoppers(long chains) {
  const auto paced = ::getenv("PACED") != nullptr;
  for (long i = 0; i < chains; ++i)
    start([=] {
      ::setsid();
      while (!time_is_over()) {
        if (::fork() > 0)
          ::_exit(0);
        if (paced)
          ::poll(nullptr, 0, 10);
      }
    });
}

// Everybody forks as long as there are fewer than `bound`, which is there for
// machines that hold no such limit.
void bomb(long bound) {
  auto* place = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  auto& alive = *new (place) std::atomic<long>{0};
  const auto paced = ::getenv("PACED") != nullptr;
  const auto grow = [&] {
    while (!time_is_over()) {
      if (paced)
        ::poll(nullptr, 0, 1);
      while (::waitpid(-1, nullptr, WNOHANG) > 0)
        --alive;
      if (++alive > bound || ::fork() < 0)
        --alive;
      ::sched_yield();
    }
  };
  start(grow);
  start(grow);
}

struct kind {
  const char* name;
  void (*grow)(long);
  long size;
};

constexpr kind kinds[] = {
  {"plain", plain, 0},         {"daemon", daemon, 0},
  {"ignoring", ignoring, 0},   {"stopped", stopped, 0},
  {"traced", traced, 0},       {"pipe_holder", pipe_holder, 0},
  {"subreaper", subreaper, 0}, {"nested", nested, 0},
  {"sibling", sibling, 0},     {"hoppers_8", hoppers, 8},
  {"hoppers_90", hoppers, 90}, {"bomb", bomb, 200},
};

} // namespace

int grow_tree(const words& arguments) {
  for (const auto& each : kinds) {
    if (arguments.empty() || arguments[0] != each.name)
      continue;
    each.grow(each.size);
    say_up();
    if (arguments.size() > 1 && arguments[1] == "leave")
      return 0;
    stay();
  }
  return 2;
}

} // namespace hostile
