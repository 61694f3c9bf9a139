#include "launcher/child.hpp"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <linux/close_range.h>

#include <algorithm>

namespace ocw::launcher {
namespace {

// What runs between clone and exec is a list of steps, async-signal-safe, in
// memory shared with the waiting parent.
struct child_frame {
  const child_plan& plan;
  pid_t parent;
  wire::start_failure failure;
  bool failed = false;
};

constexpr size_t stack_bytes = 32 << 10;
alignas(64) char stack[stack_bytes]; // a process starts one child at a time

// AddressSanitizer knows only the stack of the thread, not this one; so what
// may leave without returning is not instrumented.
[[noreturn, gnu::no_sanitize_address]] void give_up(child_frame& frame,
                                                    wire::start_stage stage) {
  frame.failure = {stage, errno};
  frame.failed = true;
  ::_exit(127);
}

[[gnu::no_sanitize_address]] void step_die_with_parent(child_frame& frame) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != frame.parent) // it ended before the call above
    ::_exit(127);
}

// The signals launcher and shim ignore or catch, and their mask, are not the
// job's.
void step_signals() {
  for (const auto signal : {SIGPIPE, SIGXFSZ, SIGINT, SIGHUP, SIGQUIT, SIGTERM})
    ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[gnu::no_sanitize_address]] void step_directory(child_frame& frame) {
  if (::chdir(frame.plan.work_dir) != 0)
    give_up(frame, wire::start_stage::directory);
}

// A limit is never raised beyond the hard one that is in force.
bool set_limit(__rlimit_resource which, uint64_t value) {
  rlimit limit{};
  if (::getrlimit(which, &limit) != 0)
    return false;
  limit.rlim_max = std::min<rlim_t>(limit.rlim_max, value);
  limit.rlim_cur = limit.rlim_max;
  return ::setrlimit(which, &limit) == 0;
}

[[gnu::no_sanitize_address]] void step_limits(child_frame& frame) {
  const auto& plan = frame.plan;
  if (!set_limit(RLIMIT_CORE, 0)
      || (plan.file_bytes != 0 && !set_limit(RLIMIT_FSIZE, plan.file_bytes))
      || (plan.open_files != 0 && !set_limit(RLIMIT_NOFILE, plan.open_files)))
    give_up(frame, wire::start_stage::limits);
}

// The shim keeps 0 to 2 open, so no source is overwritten before its turn.
[[gnu::no_sanitize_address]] void step_descriptors(child_frame& frame) {
  const int sources[]
    = {frame.plan.input, frame.plan.output, frame.plan.errors};
  for (int target = 0; target < 3; ++target)
    if (sources[target] != target && ::dup2(sources[target], target) < 0)
      give_up(frame, wire::start_stage::pipes);
  // Everything is close-on-exec already; this is for a descriptor somebody
  // forgot, so an old kernel without the call is no failure.
  ::close_range(3, ~0u, 0);
}

[[gnu::no_sanitize_address]] int child_main(void* argument) {
  auto& frame = *static_cast<child_frame*>(argument);
  ::setsid();
  step_die_with_parent(frame);
  step_signals();
  step_directory(frame);
  step_limits(frame);
  step_descriptors(frame);
  ::execve(frame.plan.exec_path, frame.plan.argv, frame.plan.envp);
  give_up(frame, wire::start_stage::exec);
}

} // namespace

child_start start_child(const child_plan& plan) {
  child_start child;
  child_frame frame{plan, ::getpid(), {}, false};
  int pidfd = -1;
  const auto flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD;
  // With CLONE_VFORK this returns after exec or exit, so `frame` outlives it.
  const auto pid
    = ::clone(child_main, stack + sizeof(stack), flags, &frame, &pidfd);
  if (pid < 0) {
    child.failure = {wire::start_stage::clone, errno};
    return child;
  }
  child.pidfd.reset(pidfd);
  if (frame.failed) {
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR)
      continue;
    child.pidfd.reset();
    child.failure = frame.failure;
    return child;
  }
  child.pid = pid;
  return child;
}

} // namespace ocw::launcher
