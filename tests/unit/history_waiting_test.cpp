#include "store/history.hpp"

#include "support/catch.hpp"
#include "support/temp_dir.hpp"
#include "support/test_spool.hpp"

namespace {

using namespace ocw;

/// A job whose output the test plays. Events 1 to 3 are its phases.
struct running_job {
  test::temp_dir dir;
  test::test_spool spool{dir / "session"};
  history_ptr past = std::make_shared<history>("job", spool.prefix());
  job_record record;

  void start() {
    for (const auto next : {phase::init, phase::prepare, phase::execute})
      past->reach(record, {next, 1});
  }

  void write() {
    spool.output("x");
    past->output_grew(spool.cells());
  }

  void end(job_status status) {
    record.status = status;
    record.output_events = spool.cells();
    past->end(std::make_shared<const job_record>(record));
  }

  job_event event(uint64_t seq) const {
    auto result = job_event{};
    const auto read = past->read(seq, result);
    REQUIRE(read);
    REQUIRE(*read);
    return result;
  }
};

} // namespace

TEST_CASE_METHOD(running_job, "waiters of different events are called in turn",
                 "[history]") {
  auto early = 0;
  auto late = 0;
  const auto second = past->wake_at(5, [&] { ++late; });
  const auto first = past->wake_at(4, [&] { ++early; });
  start();
  CHECK(early == 0);
  write();
  CHECK(early == 1);
  CHECK(late == 0);
  write();
  CHECK(early == 1);
  CHECK(late == 1);
}

TEST_CASE_METHOD(running_job, "a waiter may wait again from within its call",
                 "[history]") {
  auto seen = uint64_t{0};
  auto ticket = wake_ticket{};
  const std::function<void()> next = [&] {
    seen = past->last_seq();
    if (!past->ended())
      ticket = past->wake_at(seen + 1, next);
  };
  ticket = past->wake_at(1, next);
  start();
  CHECK(seen == 3);
  end(job_status::finished);
  CHECK(seen == 4);
}

TEST_CASE_METHOD(running_job, "a replaced ticket takes its old waiter back",
                 "[history]") {
  auto old = 0;
  auto fresh = 0;
  auto ticket = past->wake_at(1, [&] { ++old; });
  ticket = past->wake_at(2, [&] { ++fresh; });
  start();
  CHECK(old == 0);
  CHECK(fresh == 1);
}

TEST_CASE("a ticket may outlive its history", "[history]") {
  auto ticket = wake_ticket{};
  {
    const auto brief = std::make_shared<history>("job", "/nowhere/job");
    ticket = brief->wake_at(1, [] {});
  }
}

TEST_CASE_METHOD(running_job, "nothing comes after the end", "[history]") {
  start();
  end(job_status::finished);
  write();
  past->reach(record, {phase::destroy, 2});
  end(job_status::failed);
  CHECK(past->last_seq() == 4);
  CHECK(past->ended()->status == job_status::finished);
}

TEST_CASE_METHOD(running_job, "a job that never ran has one event",
                 "[history]") {
  end(job_status::cancelled);
  CHECK(past->last_seq() == 1);
  const auto only = event(1);
  CHECK(only.type == event_type::job_error);
  REQUIRE(only.result);
  CHECK(only.result->status == job_status::cancelled);
}

TEST_CASE_METHOD(running_job, "a cut in the output is an event of its own",
                 "[history]") {
  start();
  write();
  spool.truncated();
  past->output_grew(spool.cells());
  auto what = event(4);
  REQUIRE(*past->read(5, what));
  REQUIRE(what.output);
  CHECK(what.output->truncated);
  CHECK(what.output->offset == 1);
  CHECK(what.output->chunk.empty());
}
