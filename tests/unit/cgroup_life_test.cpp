// How processes get into control groups, and how all of it ends.

#include "support/cgroups.hpp"

#include <linux/sched.h>
#include <sys/syscall.h>

using namespace ocw;
using namespace ocw::launcher;
using namespace ocw::launcher::test;

namespace {

// Whatever a job may do to stay, though for a minute at most.
void be_hostile() {
  for (int signal = 1; signal < NSIG; ++signal)
    ::signal(signal, SIG_IGN);
  const auto end = steady_ms() + 60000;
  const auto stay = [&] {
    while (steady_ms() < end)
      ::poll(nullptr, 0, 1000);
    ::_exit(0);
  };
  if (::fork() == 0) {
    ::setsid();
    if (::fork() == 0)
      stay();
    ::_exit(0);
  }
  if (::fork() == 0) {
    ::raise(SIGSTOP);
    stay();
  }
  for (int i = 0; i < 8; ++i)
    if (::fork() == 0)
      while (steady_ms() < end)
        if (::fork() > 0)
          ::_exit(0); // always another number
  stay();
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
    CHECK(job->kill_all() >= 3); // and those caught between two numbers
    REQUIRE(none_left(*job));
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

TEST_CASE("a process can be cloned into its group", "[cgroup]") {
  const auto tree = open_tree();
  if (!tree)
    return;
  const auto job = tree->make(1);
  REQUIRE(job->prepare({}) == 0);
  if (job->clone_directory() < 0) {
    WARN("skipped: nothing can be cloned into a group here");
    return;
  }
  for (int round = 0; round < 3; ++round) { // also after others were killed
    REQUIRE(job->prepare({}) == 0);
    clone_args how{};
    how.flags = CLONE_INTO_CGROUP;
    how.exit_signal = SIGCHLD;
    how.cgroup = static_cast<uint64_t>(job->clone_directory());
    const auto pid
      = static_cast<pid_t>(::syscall(SYS_clone3, &how, sizeof(how)));
    if (pid == 0)
      for (;;)
        if (::raise(SIGSTOP) != 0)
          ::_exit(1);
    int status = 0;
    REQUIRE(::waitpid(pid, &status, WUNTRACED) == pid);
    CHECK(WIFSTOPPED(status));
    CHECK_FALSE(job->empty());
    CHECK(job->kill_all() == 1);
    CHECK(end_of(pid) == -SIGKILL);
    CHECK(none_left(*job));
  }
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

TEST_CASE("what launchers left that took the place of one goes with the next",
          "[cgroup]") {
  if (!open_tree())
    return;
  std::vector<std::string> made;
  for (const auto& mount : mounts())
    if (mount.unified || (mount.uses & limits) != 0)
      for (const auto* end : {"-1/7", "-23/7", "-x/7"}) {
        made.push_back(mount.point + mount.own + "/" + group_name + end);
        std::filesystem::create_directories(made.back());
      }
  const auto tree = open_tree();
  for (const auto& path : made) {
    const auto foreign = path.ends_with("-x/7");
    CHECK(std::filesystem::exists(path) == foreign);
    const auto top = path.substr(0, path.size() - 2);
    CHECK(std::filesystem::exists(top) == foreign);
    if (foreign) {
      ::rmdir(path.c_str());
      ::rmdir(top.c_str());
    }
  }
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
