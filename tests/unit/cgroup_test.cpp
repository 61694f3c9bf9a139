// What control groups hold a job to, and what is told of it.

#include "support/cgroups.hpp"

using namespace ocw;
using namespace ocw::launcher;
using namespace ocw::launcher::test;

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

TEST_CASE("a group is as good as new for the next job", "[cgroup]") {
  const auto tree = open_tree();
  if (!tree)
    return;
  const auto job = tree->make(1);
  REQUIRE(job->prepare({64 * mib, 0, 50}) == 0);
  CHECK(run_with(*job, 100 * mib) == -SIGKILL);
  REQUIRE(job->prepare({256 * mib, 0, 50}) == 0); // the limit goes up
  pollfd old{job->oom_fd(), job->oom_poll_events(), 0};
  CHECK(::poll(&old, 1, 0) == 0);
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
