#pragma once

// Control groups on the kernel at hand, and processes in them. Needs root, or a
// group of its own.

#include "support/catch.hpp"
#include "support/launched.hpp"
#include "support/sizes.hpp"

#include "launcher/cgroup_part.hpp"

#include <sys/mman.h>
#include <sys/prctl.h>

namespace ocw::launcher::test {

using ocw::test::mib;
inline constexpr uint64_t limits
  = wire::cgroup_memory | wire::cgroup_cpu | wire::cgroup_pids;

inline std::vector<cgroup_mount> mounts() {
  return find_cgroup_mounts(slurp("/proc/self/mountinfo"),
                            slurp("/proc/self/cgroup"));
}

inline const std::string group_name = "ocw-test-" + std::to_string(::getpid());

/// The groups of this test, in all hierarchies.
inline std::vector<std::string> groups() {
  std::vector<std::string> found;
  for (const auto& mount : mounts())
    for (const auto& below : {mount.own, std::string{}})
      if (const auto path = mount.point + below + "/" + group_name;
          std::filesystem::exists(path))
        found.push_back(path);
  return found;
}

/// A tree of what `wanted` says, or a visible word about why not.
inline std::unique_ptr<cgroup_tree>
open_tree(uint64_t wanted = limits | wire::cgroup_kill,
          const std::vector<cgroup_mount>& from = mounts()) {
  std::vector<std::string> why;
  auto tree = open_cgroup_tree_in(from, group_name, wanted, why);
  if (tree && tree->mechanisms() == wanted)
    return tree;
  for (const auto& line : why)
    WARN("skipped: " << line);
  return nullptr;
}

/// A process inside. Whoever loses its parent becomes a child of this test.
template <class Body>
pid_t start(const job_cgroup& job, Body body) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const auto pid = ::fork();
  if (pid != 0)
    return pid;
  for (const auto fd : job.entries())
    if (::write(fd, "0", 1) != 1)
      ::_exit(99);
  body();
  ::_exit(0);
}

inline int end_of(pid_t pid) {
  int status = 0;
  if (!eventually([&] { return ::waitpid(pid, &status, WNOHANG) == pid; })) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return 97; // it was still there
  }
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

inline bool none_left(const job_cgroup& job) {
  return eventually([&] {
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
      // orphans, too
    }
    return job.empty();
  });
}

inline void take_memory(uint64_t bytes) {
  auto* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED)
    ::_exit(98);
  std::memset(at, 1, bytes);
}

inline int run_with(job_cgroup& job, uint64_t bytes) {
  return end_of(start(job, [=] { take_memory(bytes); }));
}

inline bool oom_comes(job_cgroup& job) {
  pollfd event{job.oom_fd(), job.oom_poll_events(), 0};
  while (::poll(&event, 1, patience_ms) == 1)
    if (job.oom_happened())
      return true;
  return false;
}

} // namespace ocw::launcher::test
