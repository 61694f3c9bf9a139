#include "actors/dispatcher.hpp"
#include "actors/governor.hpp"
#include "actors/supervisor.hpp"
#include "support/catch.hpp"
#include "support/memory_store.hpp"
#include "support/scripted_machine.hpp"
#include "support/still_world.hpp"

using namespace ocw;
using namespace std::chrono_literals;

namespace {

struct whole_node : test::still_world {
  test::scripted_machine machine;
  test::memory_store store;
  std::vector<stored_job> unfinished;
  config settings;
  uint32_t slots = 1;
  dispatcher_actor node;

  void start() {
    auto parts = dispatcher_parts{};
    parts.settings = std::make_shared<const config>(settings);
    parts.worker.worker_id = "here";
    parts.paths.dir = "/nonexistent/store";
    parts.store = &store;
    parts.machine = &machine;
    parts.governor = sys.spawn<governor>(node_capacity{slots, 10, 0, 0});
    parts.supervisor = sys.spawn<supervisor>(std::ref(machine));
    node = sys.spawn<dispatcher>(std::move(parts));
    caf::anon_send(node, recover_jobs{unfinished});
    settle();
  }
  ~whole_node() {
    caf::anon_send_exit(node, caf::exit_reason::user_shutdown);
    settle();
  }

  static job_request request_for(const std::string& id) {
    auto request = job_request{};
    request.job_id = id;
    request.command = "true";
    return request;
  }
  auto submit(const std::string& id) {
    return ask(node, submit_job{request_for(id)});
  }
  void run_to_end(const std::string& id, process_end end = {.exit_code = 0}) {
    machine.prepared(id);
    settle();
    machine.exited(id, std::move(end));
    settle();
    machine.collected(id);
    settle();
    machine.destroyed(id);
    settle();
  }
  job_status status(const std::string& id) {
    const auto answer = ask(node, get_job{id});
    REQUIRE(answer->has_value());
    REQUIRE(**answer);
    return (**answer)->record->status;
  }
  node_report report() { return **(*ask(node, get_node{})); }
};

} // namespace

TEST_CASE_METHOD(whole_node, "a job is answered for only when it is stored",
                 "[dispatcher]") {
  start();
  store.held = true;
  const auto answer = submit("");
  CHECK_FALSE(answer->has_value());
  // Its id was made here, so it runs while the disk is busy.
  CHECK(machine.sessions.size() == 1);
  store.release();
  settle();
  REQUIRE(answer->has_value());
  CHECK((**answer)->created);
}

TEST_CASE_METHOD(whole_node,
                 "a job with an id of the user's own waits for the "
                 "store before it starts",
                 "[dispatcher]") {
  start();
  store.held = true;
  const auto answer = submit("mine");
  CHECK(machine.sessions.empty());
  store.release();
  settle();
  CHECK(machine.sessions.size() == 1);
  CHECK(answer->has_value());
}

TEST_CASE_METHOD(whole_node,
                 "a job that is faster than the disk is answered "
                 "and kept all the same",
                 "[dispatcher]") {
  start();
  store.held = true;
  const auto answer = submit("");
  const auto id = machine.sessions.begin()->first;
  run_to_end(id);
  CHECK_FALSE(answer->has_value());
  store.held = false;
  store.release();
  settle();
  REQUIRE(answer->has_value());
  CHECK((**answer)->follow->ended());
  CHECK(store.jobs.at(id).record.status == job_status::finished);
  CHECK(status(id) == job_status::finished);
}

TEST_CASE_METHOD(whole_node, "a job the store refuses is undone",
                 "[dispatcher]") {
  start();
  store.held = true;
  const auto answer = submit("");
  const auto id = machine.sessions.begin()->first;
  machine.prepared(id);
  settle();
  store.broken = make_error(ec::unavailable, "no space left");
  store.held = false;
  store.release();
  settle();
  REQUIRE(answer->has_value());
  CHECK((*answer)->error() == ec::unavailable);
  CHECK(machine.sessions.at(id).running->stops == 1);
  machine.exited(id, {.stopped_for = reason_code::cancelled});
  settle();
  machine.collected(id);
  machine.destroyed(id);
  settle();
  CHECK(store.jobs.empty());
  CHECK(machine.forgotten == std::vector<std::string>{id});
  CHECK(report().counters.running_now == 0);
}

TEST_CASE_METHOD(whole_node,
                 "the same request under the same id is the same "
                 "job, running or ended",
                 "[dispatcher]") {
  start();
  submit("a");
  const auto again = submit("a");
  CHECK_FALSE((**again)->created);
  run_to_end("a");
  const auto later = submit("a");
  REQUIRE(**later);
  CHECK_FALSE((**later)->created);
  CHECK((**later)->record->status == job_status::finished);
  CHECK(machine.sessions.at("a").steps.size() == 4);
}

TEST_CASE_METHOD(whole_node,
                 "another request under the same id is a conflict, "
                 "running or ended",
                 "[dispatcher]") {
  start();
  submit("a");
  auto other = request_for("a");
  other.command = "false";
  CHECK((**ask(node, submit_job{other})).error() == ec::conflict);
  run_to_end("a");
  CHECK((**ask(node, submit_job{other})).error() == ec::conflict);
}

TEST_CASE_METHOD(whole_node, "the second job waits for the first",
                 "[dispatcher]") {
  start();
  submit("a");
  submit("b");
  CHECK(status("a") == job_status::running);
  CHECK(status("b") == job_status::pending);
  run_to_end("a");
  CHECK(status("b") == job_status::running);
}

TEST_CASE_METHOD(whole_node, "a waiting job that is cancelled never starts",
                 "[dispatcher]") {
  start();
  submit("a");
  submit("b");
  const auto answer = ask(node, cancel_job{"b", "not needed"});
  CHECK((**answer)->record->status == job_status::cancelled);
  CHECK((**answer)->record->reason.message == "cancelled: not needed");
  run_to_end("a");
  CHECK(machine.sessions.count("b") == 0);
  CHECK(status("b") == job_status::cancelled);
  CHECK(store.jobs.at("b").record.exit_code == -1);
}

TEST_CASE_METHOD(whole_node, "cancelling a job twice, or late, is no error",
                 "[dispatcher]") {
  start();
  submit("a");
  machine.prepared("a");
  settle();
  ask(node, cancel_job{"a", ""});
  ask(node, cancel_job{"a", ""});
  CHECK(machine.sessions.at("a").running->stops == 1);
  run_to_end("a", {.stopped_for = reason_code::cancelled, .exit_code = 143});
  const auto late = ask(node, cancel_job{"a", ""});
  REQUIRE(**late);
  CHECK((**late)->record->status == job_status::cancelled);
}

TEST_CASE_METHOD(whole_node, "a job gives up waiting when its time is up",
                 "[dispatcher]") {
  start();
  submit("a");
  auto impatient = request_for("b");
  impatient.limits.queue_timeout_ms = 1000;
  ask(node, submit_job{impatient});
  pass(999ms);
  CHECK(status("b") == job_status::pending);
  pass(2ms);
  CHECK(status("b") == job_status::timeout);
  CHECK(store.jobs.at("b").record.reason.code == reason_code::queue_timeout);
}

TEST_CASE_METHOD(whole_node, "what is not there is not found", "[dispatcher]") {
  start();
  CHECK((**ask(node, get_job{"x"})).error() == ec::not_found);
  CHECK((**ask(node, cancel_job{"x", ""})).error() == ec::not_found);
  CHECK((**ask(node, forget_job{"x"})).error() == ec::not_found);
  CHECK((**ask(node, send_stdin{"x", "y", false})).error() == ec::not_found);
}

TEST_CASE_METHOD(whole_node, "only an ended job can be forgotten",
                 "[dispatcher]") {
  start();
  submit("a");
  CHECK((**ask(node, forget_job{"a"})).error() == ec::not_ended);
  run_to_end("a");
  CHECK(**ask(node, forget_job{"a"}));
  CHECK((**ask(node, get_job{"a"})).error() == ec::not_found);
  CHECK(machine.forgotten == std::vector<std::string>{"a"});
}

TEST_CASE_METHOD(whole_node,
                 "a required layer that is not in force refuses "
                 "the job",
                 "[dispatcher]") {
  start();
  auto request = request_for("a");
  request.require = {"rlimits"};
  CHECK(**ask(node, submit_job{request}));
  request.job_id = "b";
  request.require = {"netns"};
  CHECK((**ask(node, submit_job{request})).error()
        == ec::isolation_unavailable);
}

TEST_CASE_METHOD(whole_node,
                 "where nothing keeps to the list of programs, a "
                 "node that must keep to it runs nothing",
                 "[dispatcher]") {
  settings.security.policy = exec_policy::allowlist;
  start();
  CHECK((**submit("a")).error() == ec::isolation_unavailable);
  CHECK(store.jobs.empty());
}

TEST_CASE_METHOD(whole_node,
                 "a command that the policy refuses leaves nothing behind",
                 "[dispatcher]") {
  start();
  auto request = request_for("a");
  request.command = "true; nc -l 1";
  const auto refused = (**ask(node, submit_job{request})).error();
  CHECK(refused == ec::policy_denied);
  CHECK(field_of(refused) == "command");
  CHECK(store.jobs.empty());
  CHECK(machine.sessions.empty());
  // The operator's word counts at once, and for what comes after it.
  settings.security.require_command_validation = validation_mode::never;
  caf::anon_send(node,
                 settings_changed{std::make_shared<const config>(settings)});
  CHECK(**ask(node, submit_job{request}));
}

TEST_CASE_METHOD(whole_node, "a waiting job is judged again after a restart",
                 "[dispatcher]") {
  auto waiting
    = stored_job{{.job_id = "w", .session_id = "sw"}, request_for("w")};
  waiting.request.command = "nc -l 1";
  unfinished = {waiting};
  store.jobs.emplace("w", waiting);
  start();
  CHECK(machine.sessions.empty());
  CHECK(store.jobs.at("w").record.status == job_status::failed);
  CHECK(store.jobs.at("w").record.reason.code == reason_code::policy_denied);
}

TEST_CASE_METHOD(whole_node,
                 "a node that drains stops what runs, keeps what "
                 "waits, and quits",
                 "[dispatcher]") {
  start();
  submit("a");
  submit("b");
  machine.prepared("a");
  settle();
  caf::anon_send(node, drain_node{0});
  settle();
  CHECK((**submit("c")).error() == ec::unavailable);
  CHECK(machine.sessions.at("a").running->stops == 1);
  machine.exited("a", {.stopped_for = reason_code::cancelled});
  settle();
  machine.collected("a");
  machine.destroyed("a");
  settle();
  CHECK(store.jobs.at("a").record.status == job_status::cancelled);
  CHECK(store.jobs.at("b").record.status == job_status::pending);
  CHECK(machine.sessions.count("b") == 0);
}

TEST_CASE_METHOD(whole_node,
                 "after a restart waiting jobs wait again and "
                 "started ones are over",
                 "[dispatcher]") {
  auto waiting
    = stored_job{{.job_id = "w", .session_id = "sw"}, request_for("w")};
  auto running = stored_job{
    {.job_id = "r", .session_id = "sr", .status = job_status::running},
    request_for("r")};
  auto traced
    = stored_job{{.job_id = "t", .session_id = "st"}, request_for("t")};
  machine.traces = {"t"};
  unfinished = {waiting, running, traced};
  for (const auto& job : unfinished)
    store.jobs.emplace(job.record.job_id, job);
  start();
  CHECK(status("w") == job_status::running);
  CHECK(machine.sessions.size() == 1);
  CHECK(store.jobs.at("r").record.status == job_status::failed);
  CHECK(store.jobs.at("r").record.reason.code == reason_code::worker_lost);
  CHECK(store.jobs.at("t").record.reason.code == reason_code::worker_lost);
  CHECK(machine.swept == std::vector<std::string>{"r", "t"});
}

TEST_CASE_METHOD(whole_node, "readiness names what is wrong", "[dispatcher]") {
  start();
  CHECK(report().ready.ready);
  store.broken = make_error(ec::unavailable, "disk full");
  caf::anon_send(node, launcher_state{false, "gone"});
  settle();
  const auto checks = report().ready;
  CHECK_FALSE(checks.ready);
  CHECK(checks.checks.at(1).detail == "disk full");
  CHECK(checks.checks.at(2).detail == "gone");
}
