#include "launcher/child.hpp"

#include "launcher/identity.hpp"
#include "launcher/init.hpp"
#include "launcher/sys.hpp"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <linux/seccomp.h>

#include <algorithm>

// What runs between clone and exec is a list of steps, async-signal-safe, in
// memory shared with the shim. Under a pid namespace's init the shim runs at
// the same time, so nothing here may touch errno: system calls go through
// sys(). The sanitizers know only the stack of the thread, not these.

namespace ocw::launcher {
namespace {

constexpr size_t stack_bytes = 32 << 10;
alignas(64) char stack[stack_bytes]; // a process starts one child at a time

constexpr long landlock_restrict_self = 446; // landlock(7), all architectures

struct main_frame {
  const child_plan& plan;
  pid_t parent; // 0: the init of its pid namespace
  wire::start_failure failure;
  bool failed = false;
};

[[noreturn]] void give_up(main_frame& frame, wire::start_stage stage,
                          long error) {
  frame.failure = {stage, static_cast<int32_t>(-error)};
  frame.failed = true;
  for (;;)
    sys(SYS_exit_group, 127);
}

void step_cgroups(main_frame& frame) {
  for (size_t i = 0; i < frame.plan.cgroup_entry_count; ++i)
    if (const auto done = sys(SYS_write, frame.plan.cgroup_entries[i], "0", 1);
        done < 0)
      give_up(frame, wire::start_stage::cgroup, done);
}

// The kernel's own sigaction: handler, flags, restorer, mask.
struct kernel_sigaction {
  unsigned long words[3] = {0, 0, 0};
  uint64_t mask = 0;
};

// The signals launcher and shim ignore or catch, and their mask, are not the
// job's.
void step_signals() {
  const kernel_sigaction standard;
  for (const auto signal : {SIGPIPE, SIGXFSZ, SIGINT, SIGHUP, SIGQUIT, SIGTERM})
    sys(SYS_rt_sigaction, signal, &standard, nullptr, sizeof(uint64_t));
  const uint64_t none = 0;
  sys(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, sizeof(none));
}

// A limit is never raised beyond the hard one that is in force.
long set_limit(int which, uint64_t value) {
  struct rlimit64 limit {};
  if (const auto done = sys(SYS_prlimit64, 0, which, nullptr, &limit); done < 0)
    return done;
  limit.rlim_max = std::min<uint64_t>(limit.rlim_max, value);
  limit.rlim_cur = limit.rlim_max;
  return sys(SYS_prlimit64, 0, which, &limit, nullptr);
}

void step_limits(main_frame& frame) {
  const auto& plan = frame.plan;
  auto done = set_limit(RLIMIT_CORE, 0);
  if (done >= 0 && plan.file_bytes != 0)
    done = set_limit(RLIMIT_FSIZE, plan.file_bytes);
  if (done >= 0 && plan.open_files != 0)
    done = set_limit(RLIMIT_NOFILE, plan.open_files);
  if (done < 0)
    give_up(frame, wire::start_stage::limits, done);
}

// A source is beyond 2, or the target itself, so none is overwritten before its
// turn.
void step_descriptors(main_frame& frame) {
  const int sources[]
    = {frame.plan.input, frame.plan.output, frame.plan.errors};
  for (int target = 0; target < 3; ++target)
    if (sources[target] != target)
      if (const auto done = sys(SYS_dup3, sources[target], target, 0); done < 0)
        give_up(frame, wire::start_stage::pipes, done);
}

void step_identity(main_frame& frame) {
  if (const auto done = take_identity(frame.plan); done < 0)
    give_up(frame, wire::start_stage::identity, done);
}

// After the identity: a change of it would clear the signal.
void step_die_with_parent(const main_frame& frame) {
  sys(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
  if (sys(SYS_getppid) != frame.parent
      && (frame.plan.mechanisms & wire::pid) == 0)
    for (;;) // it ended before the call above
      sys(SYS_exit_group, 127);
}

void step_directory(main_frame& frame) {
  if (const auto done = sys(SYS_chdir, frame.plan.work_dir); done < 0)
    give_up(frame, wire::start_stage::directory, done);
}

void step_filters(main_frame& frame) {
  const auto& plan = frame.plan;
  auto done = long{0};
  if ((plan.mechanisms & wire::no_new_privs) != 0)
    done = sys(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (done >= 0 && plan.landlock >= 0)
    done = sys(landlock_restrict_self, plan.landlock, 0);
  if (done >= 0 && plan.exec_rules >= 0)
    done = sys(landlock_restrict_self, plan.exec_rules, 0);
  // Everything is close-on-exec already; this is for a descriptor somebody
  // forgot, so an old kernel without the call is no failure.
  sys(SYS_close_range, 3, ~0u, 0);
  if (done >= 0 && plan.seccomp != nullptr)
    done = sys(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, plan.seccomp);
  if (done < 0)
    give_up(frame, wire::start_stage::filters, done);
}

int run_main(void* argument) {
  auto& frame = *static_cast<main_frame*>(argument);
  sys(SYS_setsid);
  step_cgroups(frame);
  step_signals();
  step_limits(frame);
  step_descriptors(frame);
  step_identity(frame);
  step_die_with_parent(frame);
  step_directory(frame);
  step_filters(frame);
  const auto& plan = frame.plan;
  give_up(frame, wire::start_stage::exec,
          sys(SYS_execve, plan.exec_path, plan.argv, plan.envp));
}

child_start failed_start(wire::start_failure failure) {
  child_start child;
  child.failure = failure;
  return child;
}

} // namespace

main_start start_main(const child_plan& plan, pid_t parent, int* pidfd) {
  main_frame frame{plan, parent, {}, false};
  const auto flags
    = CLONE_VM | CLONE_VFORK | SIGCHLD | (pidfd != nullptr ? CLONE_PIDFD : 0);
  // With CLONE_VFORK this returns after exec or exit, so `frame` outlives it.
  const auto pid
    = ::clone(run_main, stack + sizeof(stack), flags, &frame, pidfd);
  if (pid < 0)
    return {-1, {wire::start_stage::clone, errno}};
  if (!frame.failed)
    return {pid, {}};
  while (sys(SYS_wait4, pid, nullptr, __WALL, nullptr) == -EINTR)
    continue;
  return {-1, frame.failure};
}

child_start start_child(const child_plan& plan, init_report& report) {
  if ((plan.mechanisms & wire::pid) != 0)
    return start_init(plan, report);
  int pidfd = -1;
  const auto main = start_main(plan, ::getpid(), &pidfd);
  unique_fd handle{pidfd};
  if (main.pid < 0)
    return failed_start(main.failure);
  child_start child;
  child.pid = main.pid;
  child.pidfd = std::move(handle);
  return child;
}

} // namespace ocw::launcher
