#include "actors/supervisor.hpp"
#include "store/history.hpp"
#include "support/catch.hpp"
#include "support/scripted_machine.hpp"
#include "support/still_world.hpp"

using namespace ocw;

namespace {

/// Opens sessions and keeps what it hears of them.
class listener_state {
public:
  struct heard {
    std::vector<std::shared_ptr<const job_record>> ended;
    int collecting = 0;
  };
  listener_state(session_listener_actor::pointer, heard* keep) : keep_(keep) {}
  session_listener_actor::behavior_type make_behavior() {
    return {
      [this](const phase_reached&) { ++keep_->collecting; },
      [this](const session_ended& msg) { keep_->ended.push_back(msg.record); },
      [](const launcher_state&) {}};
  }

private:
  heard* keep_;
};

struct one_session : test::still_world {
  test::scripted_machine machine;
  listener_state::heard heard;
  session_listener_actor listener
    = sys.spawn<session_listener_actor::stateful_impl<listener_state>>(&heard);
  supervisor_actor boss = sys.spawn<supervisor>(std::ref(machine));
  history_ptr follow = std::make_shared<history>("job", "/nonexistent/spool");

  void open() {
    auto record = std::make_shared<job_record>();
    record->job_id = "job";
    record->session_id = "session";
    record->status = job_status::running;
    auto request = std::make_shared<job_request>();
    request->command = "true";
    auto limits = effective_limits{};
    limits.timeout_ms = 5000;
    caf::send_as(listener, boss,
                 open_session{std::make_shared<const session_task>(
                   session_task{request, record, limits, follow})});
    settle();
  }
  void stop(const std::string& message = "because") {
    caf::anon_send(boss,
                   stop_session{"session", reason_code::cancelled, message});
    settle();
  }
  const std::vector<std::string>& steps() {
    return machine.sessions.at("job").steps;
  }
  std::vector<phase> phases() {
    auto result = std::vector<phase>{};
    for (const auto& mark : follow->phases())
      result.push_back(mark.reached);
    return result;
  }
};

using words = std::vector<std::string>;

} // namespace

TEST_CASE_METHOD(one_session, "a job that finishes goes through every phase",
                 "[session]") {
  open();
  machine.prepared("job");
  settle();
  machine.exited("job", {.exit_code = 0, .cells = 0});
  settle();
  CHECK(heard.collecting == 1);
  machine.collected("job");
  settle();
  CHECK(heard.ended.empty());
  machine.destroyed("job");
  settle();
  REQUIRE(heard.ended.size() == 1);
  const auto& record = *heard.ended.front();
  CHECK(record.status == job_status::finished);
  CHECK(record.exit_code == 0);
  CHECK(record.teardown.directory_removed);
  CHECK(steps() == words{"prepare", "start", "collect", "destroy"});
  CHECK(phases()
        == std::vector{phase::init, phase::prepare, phase::execute,
                       phase::collect, phase::destroy});
  CHECK(request<session_list>(boss, list_sessions{})->sessions.empty());
}

TEST_CASE_METHOD(one_session,
                 "what cannot be prepared is destroyed all the "
                 "same",
                 "[session]") {
  open();
  machine.prepared("job", make_error(ec::unavailable, "no space"));
  settle();
  machine.destroyed("job");
  settle();
  REQUIRE(heard.ended.size() == 1);
  CHECK(heard.ended.front()->reason.code == reason_code::prepare_failed);
  CHECK(heard.ended.front()->reason.message == "no space");
  CHECK(heard.ended.front()->exit_code == -1);
  CHECK(steps() == words{"prepare", "destroy"});
}

TEST_CASE_METHOD(one_session,
                 "a command that cannot start fails with the "
                 "cause",
                 "[session]") {
  open();
  machine.prepared("job");
  settle();
  machine.refused("job", {"running it", ENOENT, false});
  settle();
  machine.destroyed("job");
  settle();
  REQUIRE(heard.ended.size() == 1);
  CHECK(heard.ended.front()->reason.code == reason_code::prepare_failed);
  CHECK(heard.ended.front()->reason.message.find("No such file")
        != std::string::npos);
}

TEST_CASE_METHOD(one_session, "a stop during PREPARE never starts the process",
                 "[session]") {
  open();
  stop();
  machine.prepared("job");
  settle();
  machine.destroyed("job");
  settle();
  REQUIRE(heard.ended.size() == 1);
  CHECK(heard.ended.front()->status == job_status::cancelled);
  CHECK(heard.ended.front()->reason.message == "because");
  CHECK(steps() == words{"prepare", "destroy"});
}

TEST_CASE_METHOD(one_session,
                 "a stop during EXECUTE stops the process once, "
                 "and the first reason wins",
                 "[session]") {
  open();
  machine.prepared("job");
  settle();
  stop("first");
  stop("second");
  CHECK(machine.sessions.at("job").running->stops == 1);
  machine.exited("job", {.stopped_for = reason_code::cancelled,
                         .exit_code = 143,
                         .signalled = true});
  settle();
  machine.collected("job");
  machine.destroyed("job");
  settle();
  REQUIRE(heard.ended.size() == 1);
  CHECK(heard.ended.front()->status == job_status::cancelled);
  CHECK(heard.ended.front()->reason.message == "first");
  CHECK(heard.ended.front()->exit_code == 143);
}

TEST_CASE_METHOD(one_session,
                 "a stop that comes after the exit changes "
                 "nothing",
                 "[session]") {
  open();
  machine.prepared("job");
  settle();
  machine.exited("job");
  settle();
  stop();
  machine.collected("job");
  settle();
  stop();
  machine.destroyed("job");
  settle();
  REQUIRE(heard.ended.size() == 1);
  CHECK(heard.ended.front()->status == job_status::finished);
}

TEST_CASE_METHOD(one_session,
                 "a limit that came first is the reason, even if "
                 "a stop was asked for as well",
                 "[session]") {
  open();
  machine.prepared("job");
  settle();
  stop();
  machine.exited(
    "job",
    {.stopped_for = reason_code::timeout, .exit_code = 137, .signalled = true});
  settle();
  machine.collected("job");
  machine.destroyed("job");
  settle();
  CHECK(heard.ended.front()->status == job_status::timeout);
  CHECK(heard.ended.front()->reason.code == reason_code::timeout);
}

TEST_CASE_METHOD(one_session, "input reaches the process, or says why not",
                 "[session]") {
  open();
  auto early = send_and_wait(boss, feed_session{"session", "x", false});
  CHECK(early == ec::unavailable);
  machine.prepared("job");
  settle();
  caf::anon_send(boss, feed_session{"session", "hello", false});
  settle();
  CHECK(machine.sessions.at("job").running->fed == "hello");
  machine.sessions.at("job").running->takes_input = feeding::full;
  auto much = send_and_wait(boss, feed_session{"session", "x", false});
  CHECK(much == ec::unavailable);
  CHECK(machine.sessions.at("job").running->fed == "hello");
  machine.sessions.at("job").running->takes_input = feeding::closed;
  auto late = send_and_wait(boss, feed_session{"session", "x", false});
  CHECK(late == ec::already_ended);
  machine.sessions.at("job").running->takes_input = feeding::taken;
  caf::anon_send(boss, feed_session{"session", "", true});
  settle();
  CHECK(machine.sessions.at("job").running->eof);
  auto after = send_and_wait(boss, feed_session{"session", "x", false});
  CHECK(after == ec::already_ended);
  machine.exited("job");
  settle();
  machine.collected("job");
  machine.destroyed("job");
  settle();
}

TEST_CASE_METHOD(one_session,
                 "a job whose shim was lost before it began is "
                 "started once more",
                 "[session]") {
  const auto lost = start_refused{"its shim went away", 0, true};
  open();
  machine.prepared("job");
  settle();
  machine.refused("job", lost);
  settle();
  CHECK(steps() == words{"prepare", "start", "start"});
  SECTION("and then goes on as any other") {
    machine.exited("job");
    settle();
    machine.collected("job");
    machine.destroyed("job");
    settle();
    REQUIRE(heard.ended.size() == 1);
    CHECK(heard.ended.front()->status == job_status::finished);
  }
  SECTION("but not a third time") {
    machine.refused("job", lost);
    settle();
    machine.destroyed("job");
    settle();
    CHECK(steps() == words{"prepare", "start", "start", "destroy"});
    REQUIRE(heard.ended.size() == 1);
    CHECK(heard.ended.front()->reason.code == reason_code::launcher_lost);
    CHECK(heard.ended.front()->exit_code == -1);
  }
}

TEST_CASE_METHOD(one_session,
                 "a job is not started again when it was stopped or fed",
                 "[session]") {
  open();
  machine.prepared("job");
  settle();
  auto code = reason_code::cancelled;
  SECTION("stopped") {
    stop();
  }
  SECTION("fed") {
    caf::anon_send(boss, feed_session{"session", "x", false});
    settle();
    code = reason_code::launcher_lost;
  }
  machine.refused("job", {"its shim went away", 0, true});
  settle();
  machine.destroyed("job");
  settle();
  CHECK(steps() == words{"prepare", "start", "destroy"});
  REQUIRE(heard.ended.size() == 1);
  CHECK(heard.ended.front()->reason.code == code);
}

TEST_CASE_METHOD(one_session, "a session that crashes still ends its job",
                 "[session]") {
  open();
  machine.prepared("job");
  settle();
  caf::anon_send_exit(machine.sessions.at("job").actor, caf::exit_reason::kill);
  settle();
  REQUIRE(heard.ended.size() == 1);
  CHECK(heard.ended.front()->status == job_status::failed);
  CHECK(heard.ended.front()->reason.code == reason_code::internal);
}
