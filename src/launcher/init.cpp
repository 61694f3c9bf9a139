#include "launcher/init.hpp"

#include "launcher/session_mounts.hpp"
#include "launcher/sys.hpp"

#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <linux/futex.h>

// Process 1 of a job's pid namespace. It is a thread of execution in the shim's
// memory, not a program of its own: a fork would cost more than all namespaces
// together. Two rules follow. It may touch neither errno nor the heap, because
// the shim runs at the same time. And it is outside of the job's control
// groups: the kernel's out-of-memory killer takes all that share a memory.
//
// When it ends, by itself or by KILL, the kernel KILLs every process of the
// namespace; pid_namespaces(7).

namespace ocw::launcher {
namespace {

constexpr size_t stack_bytes = 32 << 10;
alignas(64) char stack[stack_bytes];
constexpr long patience_ns = 100'000'000; // between looks at a silent init

constexpr uint64_t bit_of(int signal) {
  return uint64_t{1} << (signal - 1);
}

struct init_frame {
  const child_plan& plan;
  init_report& report;
};

void tell(init_report& report, bool failed, wire::start_failure failure) {
  report.failed = failed;
  report.failure = failure;
  report.started.store(1, std::memory_order_release);
  sys(SYS_futex, &report.started, FUTEX_WAKE_PRIVATE, 1);
}

[[noreturn]] void leave(int code) {
  for (;;)
    sys(SYS_exit_group, code);
}

void step_network(const init_frame& frame) {
  if (frame.plan.network < 0)
    return;
  const auto done = sys(SYS_setns, frame.plan.network, CLONE_NEWNET);
  if (done < 0) {
    tell(frame.report, true,
         {wire::start_stage::network, static_cast<int32_t>(-done)});
    leave(127);
  }
}

void step_mounts(const init_frame& frame) {
  if ((frame.plan.mechanisms & wire::mount) == 0)
    return;
  auto stage = wire::start_stage::disk;
  auto done = attach_disk(frame.plan.mounts);
  if (done >= 0) {
    stage = wire::start_stage::mounts;
    done = mount_session(frame.plan.mounts);
  }
  if (done < 0) {
    tell(frame.report, true, {stage, static_cast<int32_t>(-done)});
    leave(127);
  }
}

// Waits for whatever has ended. False when no child is left.
bool reap(init_report& report, pid_t main, int options) {
  for (;;) {
    int status = 0;
    const auto pid = sys(SYS_wait4, -1, &status, options | __WALL, nullptr);
    if (pid == -EINTR)
      continue;
    if (pid <= 0)
      return pid == 0;
    if (pid == main) {
      report.main_status = status;
      report.main_ended.store(true, std::memory_order_release);
    } else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
      ++report.killed;
    }
  }
}

// The main process's end is the job's, unless it was asked to end: then
// everybody has the same grace, and the shim KILLs when it is over.
void watch(init_report& report, pid_t main) {
  const uint64_t awaited = bit_of(SIGCHLD) | bit_of(SIGTERM);
  bool asked = false;
  for (;;) {
    if (!reap(report, main, WNOHANG))
      return;
    if (!asked && report.main_ended.load(std::memory_order_relaxed)) {
      sys(SYS_kill, -1, SIGKILL);
      reap(report, main, 0);
      return;
    }
    const auto signal
      = sys(SYS_rt_sigtimedwait, &awaited, nullptr, nullptr, sizeof(awaited));
    if (signal == SIGTERM) {
      asked = true;
      sys(SYS_kill, -1, SIGTERM);
    }
  }
}

int run_init(void* argument) {
  // The frame is the shim's: gone once it was told that the job has started.
  const auto& frame = *static_cast<init_frame*>(argument);
  auto& report = frame.report;
  // Blocked signals wait even for process 1; others it would never get.
  const uint64_t all = ~uint64_t{0};
  sys(SYS_rt_sigprocmask, SIG_SETMASK, &all, nullptr, sizeof(all));
  sys(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
  sys(SYS_prctl, PR_SET_NAME, "ocw-init");
  step_network(frame);
  step_mounts(frame);
  const auto main = start_main(frame.plan, 1, nullptr);
  // Copies of the shim's; an end of a pipe here would keep it open.
  sys(SYS_close_range, 0, ~0u, 0);
  tell(report, main.pid < 0, main.failure);
  if (main.pid < 0)
    leave(127);
  watch(report, main.pid);
  leave(0);
}

int namespace_flags(uint64_t mechanisms) {
  auto flags = CLONE_NEWPID;
  flags |= (mechanisms & wire::mount) != 0 ? CLONE_NEWNS : 0;
  flags |= (mechanisms & wire::ipc) != 0 ? CLONE_NEWIPC : 0;
  flags |= (mechanisms & wire::uts) != 0 ? CLONE_NEWUTS : 0;
  return flags;
}

// False when the init ended without a word.
bool wait_for_start(init_report& report, int pidfd) {
  const timespec patience{0, patience_ns};
  while (report.started.load(std::memory_order_acquire) == 0) {
    sys(SYS_futex, &report.started, FUTEX_WAIT_PRIVATE, 0, &patience);
    pollfd ended{pidfd, POLLIN, 0};
    if (::poll(&ended, 1, 0) == 1
        && report.started.load(std::memory_order_acquire) == 0)
      return false;
  }
  return true;
}

} // namespace

child_start start_init(const child_plan& plan, init_report& report) {
  child_start child;
  init_frame frame{plan, report};
  report.started.store(0, std::memory_order_relaxed);
  report.main_ended.store(false, std::memory_order_relaxed);
  report.killed = 0;
  int pidfd = -1;
  const auto flags
    = CLONE_VM | CLONE_PIDFD | SIGCHLD | namespace_flags(plan.mechanisms);
  const auto pid
    = ::clone(run_init, stack + sizeof(stack), flags, &frame, &pidfd);
  if (pid < 0) {
    child.failure = {wire::start_stage::clone, errno};
    return child;
  }
  child.pidfd.reset(pidfd);
  const auto heard = wait_for_start(report, pidfd);
  if (heard && !report.failed) {
    child.pid = pid;
    return child;
  }
  child.failure = heard ? report.failure
                        : wire::start_failure{wire::start_stage::clone, ECHILD};
  while (::waitpid(pid, nullptr, __WALL) < 0 && errno == EINTR)
    continue;
  child.pidfd.reset();
  return child;
}

} // namespace ocw::launcher
