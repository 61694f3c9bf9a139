// The launcher and its shims: starting, ending, and using a shim again.

#include "support/catch.hpp"
#include "support/launched.hpp"

using namespace ocw;
using namespace ocw::launcher::test;

namespace {

wire::start_stage stage_of(const outcome& result) {
  REQUIRE(result.failure);
  return result.failure->stage;
}

} // namespace

TEST_CASE("the exit code of a job is its end", "[launcher]") {
  one_shim s;
  const auto job = shell(s.dir, "echo hello; echo oops >&2; exit 3");
  const auto result = s.shim.run(job);
  REQUIRE(result.end);
  CHECK(result.end->wait_status == 3);
  CHECK(result.end->signalled == 0);
  CHECK(result.end->cause == wire::stop_cause::none);
  CHECK(result.end->killed == 0);
  CHECK(result.end->survivors == 0);
  CHECK(result.end->pid > 0);
  CHECK(result.end->memory_peak_kb > 0);
  CHECK(result.end->started_unix_ms <= result.end->ended_unix_ms);
  const auto kept = read_spool(job.spool_prefix);
  CHECK(kept.wrong == "");
  CHECK(kept.out == "hello\n");
  CHECK(kept.err == "oops\n");
  REQUIRE(kept.end);
  CHECK(std::memcmp(&*kept.end, &*result.end, sizeof(*kept.end)) == 0);
}

TEST_CASE("a job without output leaves an index only", "[launcher]") {
  one_shim s;
  const auto job = shell(s.dir, "exit 0");
  CHECK(s.shim.run(job).end->wait_status == 0);
  CHECK(read_spool(job.spool_prefix).wrong == "");
  CHECK(std::filesystem::file_size(job.spool_prefix + ".index")
        == sizeof(wire::index_cell) * (1 + wire::end_cells));
  CHECK_FALSE(std::filesystem::exists(job.spool_prefix + ".stdout"));
  CHECK_FALSE(std::filesystem::exists(job.spool_prefix + ".stderr"));
}

TEST_CASE("a signal that ends a job is told from an exit", "[launcher]") {
  one_shim s;
  const auto end = s.shim.run(shell(s.dir, "kill -SEGV $$")).end;
  REQUIRE(end);
  CHECK(end->signalled == 1);
  CHECK(end->wait_status == SIGSEGV);
  CHECK(end->cause == wire::stop_cause::none);
}

TEST_CASE("CPU time of a job's children is counted", "[launcher]") {
  one_shim s;
  const auto end
    = s.shim
        .run(shell(s.dir, "sh -c 'i=0; while [ $i -lt 200000 ]; do "
                          "i=$((i+1)); done'; exit 0"))
        .end;
  REQUIRE(end);
  CHECK(end->cpu_user_us > 10000);
}

TEST_CASE("a job that cannot start says at which step", "[launcher]") {
  one_shim s;
  auto job = shell(s.dir, "true");
  SECTION("no such program") {
    job.exec_path = "/no/such/program";
    const auto result = s.shim.run(job);
    CHECK(stage_of(result) == wire::start_stage::exec);
    CHECK(result.failure->error == ENOENT);
    CHECK(result.failure_text == "No such file or directory");
  }
  SECTION("no such working directory") {
    job.work_dir = s.dir.path() + "/missing";
    const auto result = s.shim.run(job);
    CHECK(stage_of(result) == wire::start_stage::directory);
    CHECK(result.failure->error == ENOENT);
  }
  SECTION("no place for the spool") {
    job.spool_prefix = s.dir.path() + "/missing/spool";
    const auto result = s.shim.run(job);
    CHECK(stage_of(result) == wire::start_stage::spool);
    CHECK(result.failure->error == ENOENT);
  }
  SECTION("the standard input did not come") {
    job.spec.input = wire::stdin_mode::file;
    CHECK(stage_of(s.shim.run(job)) == wire::start_stage::decode);
  }
  CHECK_FALSE(std::filesystem::exists(job.spool_prefix + ".index"));
  CHECK(s.shim.run(shell(s.dir, "exit 4")).end->wait_status == 4);
}

TEST_CASE("a spool is never written twice", "[launcher]") {
  one_shim s;
  const auto job = shell(s.dir, "echo once");
  CHECK(s.shim.run(job).end);
  const auto again = s.shim.run(job);
  CHECK(stage_of(again) == wire::start_stage::spool);
  CHECK(again.failure->error == EEXIST);
  CHECK(read_spool(job.spool_prefix).out == "once\n");
}

TEST_CASE("a job sees its own world only", "[launcher]") {
  one_shim s;
  auto job = shell(s.dir, "pwd; ls /proc/self/fd; ulimit -n; ulimit -c; "
                          "cut -d' ' -f5,6 /proc/$$/stat; echo $$");
  job.spec.open_files = 77;
  REQUIRE(s.shim.run(job).end);
  std::istringstream out(read_spool(job.spool_prefix).out);
  std::vector<std::string> lines;
  for (std::string line; std::getline(out, line);)
    lines.push_back(line);
  REQUIRE(lines.size() == 9);
  CHECK(lines[0] == s.dir.path());
  CHECK(lines[1] + lines[2] + lines[3] == "012"); // 3 is of `ls` itself
  CHECK(lines[5] == "77");
  CHECK(lines[6] == "0");
  CHECK(lines[7] == lines[8] + " " + lines[8]); // leads group and session
}

TEST_CASE("a job starts with all signals as they are by default",
          "[launcher]") {
  one_shim s;
  auto job = shell(s.dir, "");
  job.exec_path = "/bin/grep"; // a shell would change them itself
  job.argv = {"grep", "-E", "^Sig(Ign|Blk)", "/proc/self/status"};
  REQUIRE(s.shim.run(job).end);
  std::istringstream out(read_spool(job.spool_prefix).out);
  // 32 and 33 are the C library's own and nobody's else to change.
  const auto others = ~(uint64_t{3} << 31);
  for (const std::string expected : {"SigBlk:", "SigIgn:"}) {
    std::string name;
    uint64_t signals = ~uint64_t{0};
    out >> name >> std::hex >> signals;
    CHECK(name == expected);
    CHECK((signals & others) == 0);
  }
}

TEST_CASE("a file larger than its limit ends the writer", "[launcher]") {
  one_shim s;
  auto job = shell(s.dir, "head -c 100000 /dev/zero > big");
  job.spec.file_bytes = 50000;
  CHECK(s.shim.run(job).end->wait_status != 0);
  CHECK(std::filesystem::file_size(s.dir.path() + "/big") == 50000);
}

TEST_CASE("one shim runs job after job", "[launcher]") {
  one_shim s;
  for (int code = 1; code <= 3; ++code) {
    const auto job = shell(s.dir, "echo $PPID; exit " + std::to_string(code));
    CHECK(s.shim.run(job).end->wait_status == code);
    const auto kept = read_spool(job.spool_prefix);
    CHECK(kept.wrong == "");
    CHECK(kept.out == std::to_string(s.shim.pid()) + "\n");
  }
}

TEST_CASE("a stop in one job is forgotten in the next", "[launcher]") {
  one_shim s;
  s.shim.start(shell(s.dir, "sleep 60"));
  s.shim.stop();
  CHECK(s.shim.wait().end->cause == wire::stop_cause::cancelled);
  s.shim.stop(); // late: for a job that is over
  const auto end = s.shim.run(shell(s.dir, "exit 5")).end;
  CHECK(end->cause == wire::stop_cause::none);
  CHECK(end->wait_status == 5);
  CHECK(end->killed == 0);
}

TEST_CASE("the descriptors of a shim do not grow", "[launcher]") {
  one_shim s;
  CHECK(s.shim.run(shell(s.dir, "echo x; echo y >&2")).end);
  const auto before = open_fds(s.shim.pid());
  if (!before) {
    WARN("skipped: this user may not see a shim's descriptors");
    return;
  }
  for (int i = 0; i < 200; ++i) {
    auto job = shell(s.dir, "echo x; echo y >&2");
    job.spec.input
      = i % 2 != 0 ? wire::stdin_mode::pipe : wire::stdin_mode::none;
    if (i % 10 == 0)
      job.exec_path = "/no/such/program";
    const auto result = s.shim.run(job);
    REQUIRE((result.end || result.failure));
  }
  CHECK(open_fds(s.shim.pid()) == before);
  CHECK(*before == 4); // 0 to 2 and the socket
}

TEST_CASE("64 shims work at the same time", "[launcher]") {
  temp_dir dir;
  launched node;
  std::vector<shim_link> shims;
  std::vector<launcher::job_request> jobs;
  for (int i = 0; i < 64; ++i)
    shims.push_back(node.fork_shim());
  for (size_t i = 0; i < shims.size(); ++i) {
    jobs.push_back(shell(dir, "read go; echo " + std::to_string(i)));
    jobs.back().spec.input = wire::stdin_mode::pipe;
    shims[i].start(jobs.back());
  }
  for (auto& shim : shims)
    CHECK(shim.send(wire::frame_type::write_stdin, "go\n"));
  for (size_t i = 0; i < shims.size(); ++i) {
    CHECK(shims[i].wait().end->wait_status == 0);
    CHECK(read_spool(jobs[i].spool_prefix).out == std::to_string(i) + "\n");
  }
}

TEST_CASE("shims and jobs outlive the launcher", "[launcher]") {
  one_shim s;
  auto job = shell(s.dir, "read go; echo still here");
  job.spec.input = wire::stdin_mode::pipe;
  s.shim.start(job);
  ::kill(s.node.pid(), SIGKILL);
  CHECK(s.node.end() == SIGKILL);
  CHECK(s.shim.send(wire::frame_type::write_stdin, "go\n"));
  CHECK(s.shim.wait().end->wait_status == 0);
  CHECK(read_spool(job.spool_prefix).out == "still here\n");
}

TEST_CASE("an idle shim ends with its socket", "[launcher]") {
  one_shim s;
  CHECK(::kill(s.shim.pid(), 0) == 0);
  s.shim.close();
  // The launcher waits for it as well: no zombie stays.
  CHECK(eventually([&] { return ::kill(s.shim.pid(), 0) != 0; }));
}
