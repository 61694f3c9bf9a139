// Control groups on the kernel at hand. Needs root, or a group of its own.

#include "support/catch.hpp"
#include "support/launched.hpp"

#include "launcher/cgroup_part.hpp"

#include <linux/sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

using namespace ocw;
using namespace ocw::launcher;
using namespace ocw::launcher::test;

namespace {

constexpr uint64_t mib = 1 << 20;
constexpr uint64_t limits
  = wire::cgroup_memory | wire::cgroup_cpu | wire::cgroup_pids;

std::vector<cgroup_mount> mounts() {
  return find_cgroup_mounts(slurp("/proc/self/mountinfo"),
                            slurp("/proc/self/cgroup"));
}

const std::string group_name = "ocw-test-" + std::to_string(::getpid());

// The groups of this test, in all hierarchies.
std::vector<std::string> groups() {
  std::vector<std::string> found;
  for (const auto& mount : mounts())
    for (const auto& below : {mount.own, std::string{}})
      if (const auto path = mount.point + below + "/" + group_name;
          std::filesystem::exists(path))
        found.push_back(path);
  return found;
}

// A tree of what `wanted` says, or a visible word about why not.
std::unique_ptr<cgroup_tree>
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

// A process inside. Whoever loses its parent becomes a child of this test.
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

int end_of(pid_t pid) {
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

bool none_left(const job_cgroup& job) {
  return eventually([&] {
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
      // orphans, too
    }
    return job.empty();
  });
}

void take_memory(uint64_t bytes) {
  auto* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED)
    ::_exit(98);
  std::memset(at, 1, bytes);
}

int run_with(job_cgroup& job, uint64_t bytes) {
  return end_of(start(job, [=] { take_memory(bytes); }));
}

bool oom_comes(job_cgroup& job) {
  pollfd event{job.oom_fd(), job.oom_poll_events(), 0};
  while (::poll(&event, 1, patience_ms) == 1)
    if (job.oom_happened())
      return true;
  return false;
}

} // namespace

TEST_CASE("a job above its memory limit is killed, and that is told",
          "[cgroup]") {
  const auto tree = open_tree();
  if (!tree)
    return;
  const auto job = tree->make(1);
  REQUIRE(job);
  REQUIRE(job->prepare({64 * mib}) == 0);
  CHECK_FALSE(job->oom_happened());
  const auto pid = start(*job, [] { take_memory(1024 * mib); });
  CHECK(oom_comes(*job));
  CHECK(end_of(pid) == -SIGKILL);
  const auto used = job->usage();
  CHECK(used.oom_kills == 1);
  CHECK(used.memory_peak_kb <= 64 * 1024);
  CHECK(used.memory_peak_kb > 32 * 1024);
  CHECK(none_left(*job));
}

TEST_CASE("a job that lives on when the kernel kills one of it is told",
          "[cgroup]") {
  const auto tree = open_tree();
  if (!tree)
    return;
  const auto job = tree->make(1);
  REQUIRE(job->prepare({64 * mib}) == 0);
  const auto pid = start(*job, [] {
    for (int i = 0; i < 20; ++i)
      if (::fork() == 0) {
        take_memory(10 * mib);
        ::pause();
      }
    ::wait(nullptr); // and all is well
  });
  CHECK(oom_comes(*job));
  job->kill_all();
  end_of(pid);
  CHECK(none_left(*job));
  CHECK(job->usage().oom_kills >= 1);
}

TEST_CASE("half a processor is half a processor", "[cgroup]") {
  const auto tree = open_tree();
  if (!tree)
    return;
  const auto job = tree->make(1);
  REQUIRE(job->prepare({0, 500}) == 0);
  for (const auto& path : groups()) // others may be busy, too
    for (const std::string in : {"", "/1"}) {
      std::ofstream{path + in + "/cpu.shares"} << 200000;
      std::ofstream{path + in + "/cpu.weight"} << 10000;
    }
  const auto begin = steady_ms();
  const auto spin = [&] {
    while (steady_ms() < begin + 1000) {
      // until a second is over
    }
  };
  const auto one = start(*job, spin);
  const auto two = start(*job, spin);
  CHECK(end_of(one) + end_of(two) == 0);
  const auto used = job->usage();
  const auto share = static_cast<double>(used.cpu_us)
                     / static_cast<double>(1000 * (steady_ms() - begin));
  CHECK(share < 0.6);
  CHECK(share > 0.4);
  CHECK(used.throttled_us > 0);
}

TEST_CASE("a fork bomb stays within its number of processes", "[cgroup]") {
  const auto tree = open_tree();
  if (!tree)
    return;
  const auto job = tree->make(1);
  REQUIRE(job->prepare({0, 0, 20}) == 0);
  start(*job, [] {
    for (int i = 0; i < 10; ++i) // 1024, should the limit not hold
      ::fork();
    ::pause();
  });
  CHECK(eventually([&] { return job->usage().pids_refused > 20; }));
  CHECK(job->signal_all(0) <= 20);
  CHECK(job->signal_all(0) > 1);
  job->kill_all();
  CHECK(none_left(*job));
}

namespace {

// Whatever a job may do to stay.
void be_hostile() {
  for (int signal = 1; signal < NSIG; ++signal)
    ::signal(signal, SIG_IGN);
  if (::fork() == 0) {
    ::setsid();
    if (::fork() == 0)
      for (;;)
        ::pause();
    ::_exit(0);
  }
  if (::fork() == 0)
    ::raise(SIGSTOP);
  for (int i = 0; i < 8; ++i)
    if (::fork() == 0)
      for (;;)
        if (::fork() > 0)
          ::_exit(0); // always another number
  for (;;)
    ::pause();
}

void check_kill(const std::vector<cgroup_mount>& from, uint64_t wanted,
                const std::string& how) {
  const auto tree = open_tree(wanted, from);
  if (!tree)
    return;
  CHECK(tree->describe() == how);
  const auto job = tree->make(1);
  for (int round = 0; round < 10; ++round) {
    REQUIRE(job->prepare({0, 0, 64}) == 0);
    start(*job, be_hostile);
    CHECK(eventually([&] { return job->signal_all(0) >= 4; }));
    CHECK(job->kill_all() >= 4);
    CHECK(none_left(*job));
  }
}

} // namespace

TEST_CASE("nobody survives a kill, however it is done", "[cgroup]") {
  auto from = mounts();
  const auto all = from;
  std::erase_if(from, [](const auto& mount) { return mount.unified; });
  const auto v1 = !from.empty();
  SECTION("at once") {
    check_kill(all, wire::cgroup_pids | wire::cgroup_kill,
               v1 ? "v1 limits, v2 kill" : "v2");
  }
  SECTION("frozen first") {
    if (v1)
      check_kill(from, wire::cgroup_pids | wire::cgroup_kill, "v1");
  }
  SECTION("in rounds") {
    if (v1)
      check_kill(from, wire::cgroup_pids, "v1");
  }
}

TEST_CASE("a group is as good as new for the next job", "[cgroup]") {
  const auto tree = open_tree();
  if (!tree)
    return;
  const auto job = tree->make(1);
  REQUIRE(job->prepare({64 * mib, 0, 50}) == 0);
  CHECK(run_with(*job, 100 * mib) == -SIGKILL);
  REQUIRE(job->prepare({256 * mib, 0, 50}) == 0); // the limit goes up
  CHECK_FALSE(job->oom_happened());
  const auto used = job->usage();
  CHECK(used.oom_kills == 0);
  CHECK(used.memory_peak_kb < 8 * 1024);
  CHECK(used.cpu_us < 1000);
  CHECK(run_with(*job, 100 * mib) == 0);
  CHECK(job->usage().memory_peak_kb >= 100 * 1024);
  REQUIRE(job->prepare({64 * mib, 0, 50}) == 0); // and down
  CHECK(run_with(*job, 100 * mib) == -SIGKILL);
  CHECK(job->oom_happened());
  REQUIRE(job->prepare({}) == 0); // and away
  CHECK(run_with(*job, 300 * mib) == 0);
}

TEST_CASE("what a job leaves in memory is not charged to the next",
          "[cgroup]") {
  const auto tree = open_tree();
  if (!tree)
    return;
  temp_dir dir{"/dev/shm"};
  const auto job = tree->make(1);
  REQUIRE(job->prepare({64 * mib}) == 0);
  const auto path = dir.path() + "/left";
  CHECK(end_of(start(*job,
                     [&] {
                       const auto fd
                         = ::open(path.c_str(), O_CREAT | O_WRONLY, 0600);
                       ::_exit(::posix_fallocate(fd, 0, 40 * mib));
                     }))
        == 0);
  REQUIRE(job->prepare({64 * mib}) == 0);
  CHECK(run_with(*job, 50 * mib) == 0);
  CHECK_FALSE(job->oom_happened());
  REQUIRE(job->prepare({64 * mib}) == 0); // in the new group, too
  const auto pid = start(*job, [] { take_memory(100 * mib); });
  CHECK(oom_comes(*job));
  CHECK(end_of(pid) == -SIGKILL);
}

TEST_CASE("a process can be cloned into its group", "[cgroup]") {
  const auto tree = open_tree();
  if (!tree)
    return;
  const auto job = tree->make(1);
  REQUIRE(job->prepare({}) == 0);
  if (job->clone_directory() < 0) {
    WARN("skipped: no control groups of version 2");
    return;
  }
  clone_args how{};
  how.flags = CLONE_INTO_CGROUP;
  how.exit_signal = SIGCHLD;
  how.cgroup = static_cast<uint64_t>(job->clone_directory());
  const auto pid = ::syscall(SYS_clone3, &how, sizeof(how));
  if (pid == 0)
    for (;;)
      ::pause();
  REQUIRE(pid > 0);
  CHECK_FALSE(job->empty());
  CHECK(job->kill_all() == 1);
  CHECK(end_of(static_cast<pid_t>(pid)) == -SIGKILL);
  CHECK(none_left(*job));
}

TEST_CASE("groups and descriptors go with their owner", "[cgroup]") {
  const auto before = open_fds(::getpid());
  {
    const auto tree = open_tree();
    if (!tree)
      return;
    const auto job = tree->make(1);
    REQUIRE(job->prepare({64 * mib}) == 0);
    CHECK(run_with(*job, mib) == 0);
    CHECK(groups().size() >= 1);
  }
  CHECK(groups().empty());
  CHECK(open_fds(::getpid()) == before);
}

TEST_CASE("what an earlier launcher left goes when a new one comes",
          "[cgroup]") {
  if (!open_tree())
    return;
  std::vector<std::string> made;
  for (const auto& mount : mounts())
    if (mount.unified || (mount.uses & limits) != 0) {
      made.push_back(mount.point + mount.own + "/" + group_name + "/7");
      std::filesystem::create_directories(made.back());
    }
  const auto pid = ::fork();
  if (pid == 0) {
    for (const auto& path : made)
      std::ofstream{path + "/cgroup.procs"} << "0";
    for (;;)
      ::pause();
  }
  REQUIRE(eventually([&] {
    return slurp(made.back() + "/cgroup.procs") == std::to_string(pid) + "\n";
  }));
  const auto tree = open_tree();
  CHECK(end_of(pid) == -SIGKILL);
  for (const auto& path : made)
    CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("a dead shim's groups can be taken over and cleaned", "[cgroup]") {
  const auto tree = open_tree();
  if (!tree)
    return;
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const auto shim = ::fork();
  if (shim == 0) {
    const auto job = tree->make(3);
    start(*job, [] { ::pause(); });
    ::_exit(0); // without removing anything
  }
  CHECK(end_of(shim) == 0);
  const auto job = tree->make(3);
  REQUIRE(job);
  CHECK(eventually([&] { return job->signal_all(0) == 1; }));
  CHECK(job->kill_all() == 1);
  CHECK(none_left(*job));
}

TEST_CASE("version 2 alone holds the limits where it has the controllers",
          "[cgroup]") {
  auto from = mounts();
  std::erase_if(from, [](const auto& mount) { return !mount.unified; });
  const auto tree = open_tree(limits | wire::cgroup_kill, from);
  if (!tree)
    return;
  CHECK(tree->describe() == "v2");
  const auto job = tree->make(1);
  REQUIRE(job->prepare({64 * mib, 500, 20}) == 0);
  CHECK(run_with(*job, 100 * mib) == -SIGKILL);
  CHECK(job->oom_happened());
}
