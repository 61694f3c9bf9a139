#include "ocw/type_ids.hpp"

#include "messages/json_reader.hpp"
#include "messages/json_writer.hpp"

#include "support/catch.hpp"

#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>
#include <caf/byte_buffer.hpp>

#include <string>

// Messages as they cross between nodes: CAF's binary form of each type of the
// first block, compared by its JSON, which shows every field.

using namespace ocw;
using namespace std::string_literals;

namespace {

template <class T>
std::string json_of(const T& x) {
  auto result = std::string{};
  write_json(result, x);
  return result;
}

template <class T>
caf::byte_buffer bytes_of(const T& x) {
  auto result = caf::byte_buffer{};
  auto sink = caf::binary_serializer{nullptr, result};
  REQUIRE(sink.apply(x));
  return result;
}

template <class T>
T from_bytes(const caf::byte_buffer& bytes) {
  auto result = T{};
  auto source = caf::binary_deserializer{nullptr, bytes};
  REQUIRE(source.apply(result));
  CHECK(source.remaining() == 0);
  return result;
}

template <class T>
void check_wire(const T& x) {
  const auto back = from_bytes<T>(bytes_of(x));
  CHECK(json_of(back) == json_of(x));
}

/// The same, and JSON and back as well.
template <class T>
void check_both(const T& x) {
  check_wire(x);
  const auto text = json_of(x);
  CAPTURE(text);
  const auto back = read_json<T>(text);
  REQUIRE(back);
  CHECK(json_of(*back) == text);
}

const auto long_id = std::string(129, 'i');

job_request request() {
  auto x = job_request{};
  x.job_id = long_id;
  x.command = "echo \"$A\"\n";
  x.files = {{"a", {"\0\xFF"s, 0755}}};
  x.stdin_data = stdin_content{"\xFE", true};
  x.env = {{"A", "1"}};
  x.secrets = {{"B", "2"}};
  x.limits.cpu_cores = 0.1;
  x.limits.memory = mebibyte_size{12345};
  x.config.network = network_access::open;
  x.metadata = {R"({"a":1})"};
  return x;
}

job_record record() {
  auto x = job_record{};
  x.job_id = long_id;
  x.session_id = "s";
  x.worker_id = "w";
  x.status = job_status::timeout;
  x.attempt = 2;
  x.created_unix_ms = 1;
  x.started_unix_ms = 2;
  x.finished_unix_ms = 3;
  x.phases = {{phase::init, 4}, {phase::destroy, 5}};
  x.output_events = 6;
  x.exit_code = -1;
  x.reason = {reason_code::idle_timeout, "m", "h"};
  x.output = {{7, "aa", true}, {8, "bb", false}};
  x.artifacts = {{"p", 9, "cc"}};
  x.metrics = {10, "w", 11, 12, 13, 14, 15, 16, 17, 20};
  x.isolation = {"landlock", {"seccomp"}};
  x.teardown = {18, 19, true};
  x.labels = {{"k", "v"}};
  x.metadata = {R"({"b":[]})"};
  return x;
}

} // namespace

TEST_CASE("jobs cross the wire whole") {
  const auto back = from_bytes<job_request>(bytes_of(request()));
  CHECK(back == request());
  check_both(request());
  check_both(job_request{});
  check_both(record());
  check_both(job_record{});
  check_both(state_of(record()));
  check_both(result_of(record()));
}

TEST_CASE("a stored request and record are read back exactly") {
  const auto stored = read_json<job_request>(json_of(request()));
  REQUIRE(stored);
  CHECK(*stored == request());
  const auto kept = read_json<job_record>(json_of(record()));
  REQUIRE(kept);
  CHECK(bytes_of(*kept) == bytes_of(record()));
}

TEST_CASE("a record of an older node is read") {
  auto text = json_of(record());
  const auto newer = text.find(",\"disk_used_mb\":");
  REQUIRE(newer != std::string::npos);
  text.erase(newer, text.find('}', newer) - newer);
  const auto kept = read_json<job_record>(text);
  REQUIRE(kept);
  CHECK(kept->metrics.disk_used_mb == 0);
}

TEST_CASE("operations cross the wire whole") {
  check_both(submit_job{request()});
  check_both(get_job{long_id});
  check_both(list_jobs{{job_status::failed, {{"a", "b"}}, 7, "c"}});
  check_both(job_query{});
  check_both(job_page{{state_of(record()), job_state{}}, "next"});
  check_both(cancel_job{long_id, "why"});
  check_both(forget_job{long_id});
  check_wire(send_stdin{long_id, "\0\xFF"s, true});
  check_both(list_sessions{});
  check_both(session_list{{{"s", "j", "w", phase::execute, {1}}}});
  check_both(get_node{});
  auto node = node_report{};
  node.worker.worker_id = "w";
  node.worker.cpu_cores = 2.5;
  node.counters.timed_out = 3;
  node.ready = {false, {{"store", false, "full"}}};
  check_both(node);
}

TEST_CASE("admission crosses the wire whole") {
  check_both(acquire_slot{long_id, 0.5, 1, 2, "o"});
  check_both(slot_granted{long_id});
  check_both(slot_refused{long_id, "why"});
  check_both(release_slot{long_id});
  check_both(get_load{});
  check_both(node_load{1, 2, 3, 4.5, 6});
}

TEST_CASE("sessions and events cross the wire whole") {
  check_both(stop_session{"s", reason_code::disk_limit, "m"});
  check_wire(feed_session{"s", "\0\xFF"s, true});
  check_both(phase_reached{long_id, {phase::collect, 7}});
  check_both(launcher_state{true, "d"});
  check_both(subscribe{long_id, 3, 4});
  check_both(grant_credit{5});
  check_both(drain_node{6});
  auto output = job_event{event_type::job_output, long_id, 1, 2, {}, {}, {}};
  output.output = output_chunk{output_stream::err, 3, "\0\xFF"s, true};
  const auto batch = from_bytes<event_batch>(bytes_of(event_batch{{output}}));
  REQUIRE(batch.events.size() == 1);
  CHECK(batch.events[0].output->chunk == "\0\xFF"s);
  CHECK(batch.events[0].output->truncated);
  auto end = job_event{event_type::job_error, long_id, 1, 2, {}, {}, {}};
  end.result = result_of(record());
  check_both(end);
  auto status = job_event{event_type::job_status, long_id, 1, 2, {}, {}, {}};
  status.status = status_change{"job_start", phase::init, "s", "w"};
  check_both(status);
}

TEST_CASE("words cross the wire, and numbers beyond them do not") {
  CHECK(from_bytes<ec>(bytes_of(ec::internal)) == ec::internal);
  CHECK(from_bytes<job_status>(bytes_of(job_status::cancelled))
        == job_status::cancelled);
  auto source_bytes = bytes_of(uint8_t{200});
  auto source = caf::binary_deserializer{nullptr, source_bytes};
  auto status = job_status::pending;
  CHECK_FALSE(source.apply(status));
}

TEST_CASE("errors cross the wire with their sentence and field") {
  const auto err = make_error(ec::conflict, "the id is taken", "job_id");
  const auto back = from_bytes<caf::error>(bytes_of(err));
  CHECK(back == err);
  CHECK(sentence_of(back) == "the id is taken");
  CHECK(field_of(back) == "job_id");
}
