#include "store/history.hpp"

#include "ocw/errors.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"
#include "support/test_spool.hpp"

#include <atomic>
#include <thread>

using namespace ocw;

namespace {

struct one_history {
  test::temp_dir dir;
  test::test_spool spool{dir / "session"};
  history_ptr past = std::make_shared<history>("job", spool.prefix());
  job_record record = [] {
    auto result = job_record{};
    result.job_id = "job";
    result.session_id = "session";
    result.worker_id = "here";
    result.status = job_status::finished;
    result.finished_unix_ms = 9999;
    return result;
  }();

  void reach(phase next) {
    const auto mark = phase_mark{next, 1};
    record.phases.push_back(mark);
    past->reach(record, mark);
  }
  void start() {
    for (const auto next : {phase::init, phase::prepare, phase::execute})
      reach(next);
  }
  void write(const std::string& bytes,
             wire::stream_id stream = wire::stream_id::out) {
    spool.output(bytes, stream);
    past->output_grew(spool.cells());
  }
  void finish() {
    reach(phase::collect);
    reach(phase::destroy);
    record.output_events = spool.cells();
    past->end(std::make_shared<const job_record>(record));
  }
  static job_event read(const history& from, uint64_t seq) {
    auto event = job_event{};
    const auto there = from.read(seq, event);
    REQUIRE(there);
    REQUIRE(*there);
    CHECK(event.seq == seq);
    return event;
  }
};

} // namespace

TEST_CASE_METHOD(one_history, "events are numbered in the order things happen",
                 "[history]") {
  CHECK(past->last_seq() == 0);
  start();
  write("one");
  write("two", wire::stream_id::err);
  write("three");
  finish();
  CHECK(past->last_seq() == 9);
  const auto first = read(*past, 1);
  CHECK(first.type == event_type::job_status);
  CHECK(first.status->word == "job_start");
  CHECK(first.status->session_id == "session");
  CHECK(read(*past, 3).status->at_phase == phase::execute);
  const auto output = read(*past, 5);
  CHECK(output.type == event_type::job_output);
  CHECK(output.output->stream == output_stream::err);
  CHECK(output.output->chunk == "two");
  CHECK(read(*past, 6).output->offset == 3);
  CHECK(read(*past, 7).status->at_phase == phase::collect);
  CHECK(read(*past, 8).status->at_phase == phase::destroy);
  const auto last = read(*past, 9);
  CHECK(last.type == event_type::job_complete);
  CHECK(last.result->session_id == "session");
  CHECK(last.unix_ms == 9999);
}

TEST_CASE_METHOD(one_history, "an event that has not happened is not there",
                 "[history]") {
  auto event = job_event{};
  start();
  CHECK_FALSE(*past->read(4, event));
  CHECK_FALSE(*past->read(0, event));
  write("x");
  CHECK(*past->read(4, event));
}

TEST_CASE_METHOD(one_history, "the numbers are the same after a restart",
                 "[history]") {
  start();
  write("one");
  spool.truncated();
  past->output_grew(spool.cells());
  record.status = job_status::failed;
  finish();
  const auto reopened
    = std::make_shared<history>(past->ended(), spool.prefix());
  REQUIRE(reopened->last_seq() == past->last_seq());
  for (auto seq = uint64_t{1}; seq <= past->last_seq(); ++seq) {
    const auto before = read(*past, seq);
    const auto after = read(*reopened, seq);
    CHECK(before.type == after.type);
    CHECK(before.unix_ms == after.unix_ms);
    if (before.output) {
      CHECK(before.output->chunk == after.output->chunk);
      CHECK(before.output->truncated == after.output->truncated);
    }
  }
  CHECK(read(*reopened, reopened->last_seq()).type == event_type::job_error);
}

TEST_CASE_METHOD(one_history, "what an event held before does not stay in it",
                 "[history]") {
  start();
  write("x");
  finish();
  auto event = job_event{};
  REQUIRE(*past->read(4, event));
  REQUIRE(*past->read(1, event));
  CHECK_FALSE(event.output);
  REQUIRE(*past->read(7, event));
  CHECK_FALSE(event.status);
  REQUIRE(*past->read(4, event));
  CHECK_FALSE(event.result);
  CHECK(event.output->chunk == "x");
}

TEST_CASE_METHOD(one_history, "a damaged index is an error, not a wrong event",
                 "[history]") {
  start();
  write("one");
  auto bytes = test::read_file(spool.prefix() + ".index");
  bytes[8] = static_cast<char>(bytes[8] ^ 1);
  test::write_file(spool.prefix() + ".index", bytes);
  auto event = job_event{};
  CHECK(code_of(past->read(4, event).error()) == ec::internal);
  CHECK(spool_reader{spool.prefix()}.scan().damaged);
}

TEST_CASE_METHOD(one_history,
                 "output that is shorter than its index is an "
                 "error",
                 "[history]") {
  start();
  write("one");
  std::filesystem::resize_file(spool.prefix() + ".stdout", 2);
  auto event = job_event{};
  CHECK_FALSE(past->read(4, event));
}

TEST_CASE_METHOD(one_history, "whoever waits is called once, when it is time",
                 "[history]") {
  auto calls = 0;
  auto ticket = past->wake_at(4, [&] { ++calls; });
  start();
  CHECK(calls == 0);
  write("x");
  CHECK(calls == 1);
  write("y");
  CHECK(calls == 1);
  ticket = past->wake_at(2, [&] { ++calls; });
  CHECK(calls == 2);
}

TEST_CASE_METHOD(one_history, "the end wakes everybody", "[history]") {
  auto calls = 0;
  const auto far = past->wake_at(1000, [&] { ++calls; });
  const auto end = past->wake_at_end([&] { ++calls; });
  start();
  write("x");
  CHECK(calls == 0);
  finish();
  CHECK(calls == 2);
  const auto late = past->wake_at_end([&] { ++calls; });
  CHECK(calls == 3);
}

TEST_CASE_METHOD(one_history, "a ticket that is gone wakes nobody",
                 "[history]") {
  auto calls = 0;
  {
    const auto ticket = past->wake_at(1, [&] { ++calls; });
  }
  auto moved = wake_ticket{};
  {
    auto ticket = past->wake_at(1, [&] { calls += 10; });
    moved = std::move(ticket);
  }
  start();
  CHECK(calls == 10);
}

TEST_CASE_METHOD(one_history,
                 "readers and the writer may be on different "
                 "threads",
                 "[history]") {
  start();
  constexpr auto lines = 2000;
  auto read_all = [&] {
    auto text = std::string{};
    auto event = job_event{};
    for (auto seq = uint64_t{1};;) {
      const auto there = past->read(seq, event);
      if (!there)
        return std::string{"error"};
      if (!*there) {
        auto woken = std::atomic<bool>{false};
        const auto ticket = past->wake_at(seq, [&] { woken = true; });
        while (!woken)
          std::this_thread::yield();
        continue;
      }
      ++seq;
      if (event.output)
        text += event.output->chunk;
      if (event.result)
        return text;
    }
  };
  auto seen = std::vector<std::string>(3);
  auto readers = std::vector<std::thread>{};
  for (auto& text : seen)
    readers.emplace_back([&text, &read_all] { text = read_all(); });
  auto expected = std::string{};
  for (auto i = 0; i < lines; ++i) {
    const auto line = std::to_string(i) + "\n";
    expected += line;
    write(line);
  }
  finish();
  for (auto& reader : readers)
    reader.join();
  for (const auto& text : seen)
    CHECK(text == expected);
}
