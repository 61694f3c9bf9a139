// One path for every way to stop a job, and nothing left after any end.

#include "support/catch.hpp"
#include "support/launched.hpp"

using namespace ocw;
using namespace ocw::launcher::test;
using wire::stop_cause;

namespace {

// The first line of output says that the job is where the test wants it.
void wait_for_output(shim_link& shim) {
  const auto next = shim.receive();
  REQUIRE(next);
  REQUIRE(next->type == wire::frame_type::output);
}

// A child, a child in another session, and a daemon nobody waits for.
const std::string tree = "sleep 60 & setsid sleep 60 & "
                         "sh -c '(setsid sleep 60 &) ; exit 0'; ";

} // namespace

TEST_CASE("the wall clock stops a job", "[launcher]") {
  one_shim s;
  auto job = shell(s.dir, "while :; do echo x; sleep 0.01; done");
  job.spec.wall_ms = 150;
  const auto end = s.shim.run(job).end;
  REQUIRE(end);
  CHECK(end->cause == stop_cause::wall_timeout);
  CHECK(end->wait_status == SIGTERM);
  CHECK(end->signalled == 1);
  CHECK(end->ended_unix_ms - end->started_unix_ms >= 145);
  CHECK(end->ended_unix_ms - end->started_unix_ms < 1150);
  CHECK(end->killed >= 1);
  CHECK(read_spool(job.spool_prefix).out.starts_with("x\n"));
}

TEST_CASE("silence stops a job, output does not", "[launcher]") {
  one_shim s;
  auto job = shell(s.dir, "for i in 1 2 3 4 5 6; do echo $i; sleep 0.1; done; "
                          "sleep 60");
  job.spec.idle_ms = 400;
  const auto end = s.shim.run(job).end;
  REQUIRE(end);
  CHECK(end->cause == stop_cause::idle_timeout);
  CHECK(read_spool(job.spool_prefix).out == "1\n2\n3\n4\n5\n6\n");
}

TEST_CASE("TERM comes first, and a job may use its grace", "[launcher]") {
  one_shim s;
  auto job = shell(s.dir, "trap 'echo bye; exit 3' TERM; echo up; "
                          "while :; do sleep 0.01; done");
  job.spec.kill_grace_ms = 10000;
  s.shim.start(job);
  wait_for_output(s.shim);
  s.shim.stop();
  const auto end = s.shim.wait().end;
  REQUIRE(end);
  CHECK(end->cause == stop_cause::cancelled);
  CHECK(end->wait_status == 3);
  CHECK(end->signalled == 0);
  CHECK(read_spool(job.spool_prefix).out == "up\nbye\n");
}

TEST_CASE("the grace is for every process, not only the main one",
          "[launcher]") {
  one_shim s;
  auto job = shell(s.dir, "sh -c 'trap \"sleep 0.1; echo bye; exit 0\" TERM; "
                          "echo up; while :; do sleep 0.01; done' & wait");
  job.spec.kill_grace_ms = 10000;
  s.shim.start(job);
  wait_for_output(s.shim);
  s.shim.stop();
  const auto end = s.shim.wait().end;
  REQUIRE(end);
  CHECK(end->wait_status == SIGTERM);
  CHECK(read_spool(job.spool_prefix).out == "up\nbye\n");
  CHECK(end->ended_unix_ms - end->started_unix_ms < 5000);
}

TEST_CASE("a job that ignores TERM is killed after the grace", "[launcher]") {
  one_shim s;
  const auto job = shell(s.dir, "trap '' TERM; echo up; sleep 60; sleep 60");
  s.shim.start(job);
  wait_for_output(s.shim);
  const auto before = launcher::steady_ms();
  s.shim.stop();
  s.shim.stop(stop_cause::memory_limit); // a second cause changes nothing
  const auto end = s.shim.wait().end;
  REQUIRE(end);
  CHECK(launcher::steady_ms() - before >= job.spec.kill_grace_ms - 5);
  CHECK(end->cause == stop_cause::cancelled);
  CHECK(end->wait_status == SIGKILL);
  CHECK(end->killed == 2);
  CHECK(alive(job) == 0);
}

TEST_CASE("a stop can skip the grace, at once or later", "[launcher]") {
  one_shim s;
  auto job = shell(s.dir, "trap '' TERM; echo up; sleep 60; sleep 60");
  job.spec.kill_grace_ms = 60000;
  s.shim.start(job);
  wait_for_output(s.shim);
  SECTION("at once") {
    s.shim.stop(stop_cause::disk_limit, true);
  }
  SECTION("later") {
    s.shim.stop(stop_cause::disk_limit);
    s.shim.stop(stop_cause::cancelled, true);
  }
  const auto end = s.shim.wait().end;
  REQUIRE(end);
  CHECK(end->cause == stop_cause::disk_limit);
  CHECK(end->wait_status == SIGKILL);
}

TEST_CASE("no process escapes a stop", "[launcher]") {
  one_shim s;
  const auto job = shell(s.dir, tree + "echo up; wait");
  s.shim.start(job);
  wait_for_output(s.shim);
  REQUIRE(eventually([&] { return alive(job) == 4; }));
  s.shim.stop();
  const auto end = s.shim.wait().end;
  REQUIRE(end);
  CHECK(alive(job) == 0);
  CHECK(end->killed == 4);
  CHECK(end->survivors == 0);
}

TEST_CASE("a job that ends well leaves no process either", "[launcher]") {
  one_shim s;
  const auto job = shell(s.dir, tree + "until [ -e go ]; do sleep 0.01; done");
  s.shim.start(job);
  REQUIRE(eventually([&] { return alive(job) >= 4; }));
  std::ofstream(s.dir.path() + "/go");
  const auto end = s.shim.wait().end;
  REQUIRE(end);
  CHECK(end->wait_status == 0);
  CHECK(end->cause == stop_cause::none);
  CHECK(alive(job) == 0);
  CHECK(end->killed == 3);
  CHECK(end->survivors == 0);
}

TEST_CASE("processes that ignore TERM and keep forking are caught",
          "[launcher]") {
  one_shim s;
  // Bounded, so that a shim that fails here leaves no storm behind.
  const auto job
    = shell(s.dir, "n=0; while [ $n -lt 20 ]; do n=$((n+1)); "
                   "(setsid sh -c 'trap \"\" TERM; i=0; "
                   "while [ $i -lt 500 ]; do i=$((i+1)); (sleep 0.001 &) ; "
                   "done; sleep 20' &) ; done; echo up; sleep 0.1");
  const auto end = s.shim.run(job).end;
  REQUIRE(end);
  CHECK(alive(job) == 0);
  CHECK(end->survivors == 0);
  CHECK(end->killed >= 20);
  CHECK(s.shim.run(shell(s.dir, "exit 1")).end->wait_status == 1);
}

TEST_CASE("a grandchild that holds the output open does not hold the end",
          "[launcher]") {
  one_shim s;
  auto job = shell(s.dir, "setsid sleep 60 & echo said");
  job.spec.drain_ms = 60000;
  const auto before = launcher::steady_ms();
  const auto end = s.shim.run(job).end;
  REQUIRE(end);
  CHECK(launcher::steady_ms() - before < 5000);
  CHECK(end->killed == 1);
  CHECK(read_spool(job.spool_prefix).out == "said\n");
}

TEST_CASE("a stranger that holds the output open costs the drain time",
          "[launcher]") {
  one_shim s;
  auto job = shell(s.dir, "echo said; touch up; sleep 60");
  job.spec.drain_ms = 200;
  s.shim.start(job);
  REQUIRE(eventually([&] { return alive(job) >= 1; }));
  wait_for_output(s.shim);
  unique_fd held;
  REQUIRE(eventually([&] { // this process is no descendant of the shim
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const auto env = slurp(entry.path() / "environ");
      if (env.find(job.env.back()) != std::string::npos)
        held.reset(::open((entry.path() / "fd/1").c_str(), O_WRONLY));
    }
    return bool{held};
  }));
  s.shim.stop();
  const auto before = launcher::steady_ms();
  const auto end = s.shim.wait().end;
  REQUIRE(end);
  CHECK(launcher::steady_ms() - before >= 190);
  CHECK(launcher::steady_ms() - before < 5000);
  CHECK(end->survivors == 0);
}

TEST_CASE("memory beyond the limit ends the whole tree", "[launcher]") {
  one_shim s;
  auto job = shell(s.dir, "sleep 60 & x=$(head -c 60000000 /dev/zero | "
                          "tr '\\0' x); sleep 60");
  job.spec.memory_bytes = 40 << 20;
  const auto end = s.shim.run(job).end;
  REQUIRE(end);
  CHECK(end->cause == stop_cause::memory_limit);
  CHECK(end->wait_status == SIGKILL);
  CHECK(end->memory_peak_kb > 40 << 10);
  CHECK(alive(job) == 0);
}

// What a system that stops sends to every process.
TEST_CASE("a shim that is told to end ends its job in order", "[launcher]") {
  one_shim s;
  const auto job = shell(s.dir, "trap 'echo bye; exit 3' TERM; echo up; "
                                "while :; do sleep 0.01; done");
  s.shim.start(job);
  wait_for_output(s.shim);
  CHECK(::kill(s.shim.pid(), SIGTERM) == 0);
  const auto end = s.shim.wait().end;
  REQUIRE(end);
  CHECK(end->cause == stop_cause::node_lost);
  CHECK(end->wait_status == 3);
  const auto spool = read_spool(job.spool_prefix);
  CHECK(spool.out == "up\nbye\n");
  REQUIRE(spool.end);
  CHECK(alive(job) == 0);
  CHECK(eventually([&] { return ::kill(s.shim.pid(), 0) != 0; }));
}

TEST_CASE("an idle shim ends when it is told to, the launcher with its node",
          "[launcher]") {
  one_shim s;
  CHECK(::kill(s.shim.pid(), SIGTERM) == 0);
  CHECK(eventually([&] { return ::kill(s.shim.pid(), 0) != 0; }));
  CHECK(::kill(s.node.pid(), SIGTERM) == 0);
  auto next = s.node.fork_shim();
  CHECK(next.run(shell(s.dir, "exit 4")).end->wait_status == 4);
}

TEST_CASE("a shim holds nothing of what its node writes to", "[launcher]") {
  one_shim s;
  const auto fds = "/proc/" + std::to_string(s.shim.pid()) + "/fd/";
  CHECK(s.shim.run(shell(s.dir, "true")).end); // it is set up by now
  for (const auto* fd : {"0", "1", "2"})
    CHECK(std::filesystem::read_symlink(fds + fd) == "/dev/null");
}
