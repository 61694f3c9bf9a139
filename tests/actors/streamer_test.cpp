#include "actors/streamer.hpp"
#include "support/catch.hpp"
#include "support/still_world.hpp"
#include "support/temp_dir.hpp"
#include "support/test_spool.hpp"

using namespace ocw;

namespace {

/// Keeps the events it is sent.
class reader_state {
public:
  reader_state(event_subscriber_actor::pointer, std::vector<job_event>* keep)
    : keep_(keep) {}
  event_subscriber_actor::behavior_type make_behavior() {
    return {[this](event_batch& batch) {
      for (auto& event : batch.events)
        keep_->push_back(std::move(event));
    }};
  }

private:
  std::vector<job_event>* keep_;
};

struct one_stream : test::still_world {
  test::temp_dir dir;
  test::test_spool spool{dir / "s"};
  history_ptr past = std::make_shared<history>("job", spool.prefix());
  job_record record = [] {
    auto result = job_record{};
    result.job_id = "job";
    return result;
  }();
  std::vector<job_event> seen;
  event_subscriber_actor reader
    = sys.spawn<event_subscriber_actor::stateful_impl<reader_state>>(&seen);

  streamer_actor follow(uint64_t from, uint32_t credit) {
    auto made
      = sys.spawn<streamer>(past, reader, subscribe{"job", from, credit});
    settle();
    return made;
  }
  void write(int lines) {
    for (auto i = 0; i < lines; ++i)
      spool.output("line\n");
    past->output_grew(spool.cells());
    settle();
  }
  void start() {
    past->reach(record, {phase::init, 1});
    settle();
  }
  void finish() {
    past->end(std::make_shared<const job_record>(record));
    settle();
  }
};

} // namespace

TEST_CASE_METHOD(one_stream, "a streamer sends no more than was granted",
                 "[streamer]") {
  start();
  write(10);
  auto stream = follow(1, 3);
  CHECK(seen.size() == 3);
  caf::anon_send(stream, grant_credit{5});
  settle();
  CHECK(seen.size() == 8);
  write(100);
  CHECK(seen.size() == 8);
  caf::anon_send(stream, grant_credit{1000});
  settle();
  REQUIRE(seen.size() == 111);
  for (auto i = size_t{0}; i < seen.size(); ++i)
    CHECK(seen[i].seq == i + 1);
}

TEST_CASE_METHOD(one_stream,
                 "a streamer goes on as the history grows, from "
                 "where it was asked to",
                 "[streamer]") {
  start();
  write(5);
  auto stream = follow(4, 100);
  REQUIRE(seen.size() == 3);
  CHECK(seen.front().seq == 4);
  write(1);
  CHECK(seen.back().seq == 7);
  finish();
  CHECK(seen.back().result.has_value());
}

TEST_CASE_METHOD(one_stream, "a streamer ends after the last event",
                 "[streamer]") {
  start();
  auto stream = follow(1, 10);
  auto ended = false;
  stream->attach_functor([&] { ended = true; });
  CHECK_FALSE(ended);
  finish();
  CHECK(ended);
  CHECK(seen.size() == 2);
}

TEST_CASE_METHOD(one_stream, "a streamer ends with its subscriber",
                 "[streamer]") {
  start();
  auto stream = follow(1, 10);
  auto ended = false;
  stream->attach_functor([&] { ended = true; });
  caf::anon_send_exit(reader, caf::exit_reason::kill);
  settle();
  CHECK(ended);
}
