#include "messages/event_json.hpp"
#include "messages/json_reader.hpp"
#include "messages/json_writer.hpp"
#include "ocw/errors.hpp"

#include "support/catch.hpp"

#include <nlohmann/json.hpp>

#include <string>

using namespace ocw;
using namespace std::string_literals;

namespace {

std::string text_of(const job_event& event) {
  auto result = std::string{};
  append_event_json(result, event);
  return result;
}

job_event output_event(std::string chunk) {
  auto event = job_event{};
  event.type = event_type::job_output;
  event.job_id = "j1";
  event.seq = 7;
  event.unix_ms = 1768858200123;
  event.output = output_chunk{output_stream::err, 12, std::move(chunk), false};
  return event;
}

job_record ended_record() {
  auto record = job_record{};
  record.job_id = "j1";
  record.session_id = "s1";
  record.worker_id = "w1";
  record.status = job_status::failed;
  record.exit_code = 137;
  record.reason = {reason_code::memory_limit, "killed at 64 MB", "raise it"};
  record.output = {{12, "aa", false}, {3, "bb", true}};
  record.artifacts = {{"out.json", 5, "cc"}};
  record.metrics.duration_ms = 1432;
  record.metrics.worker_id = "w1";
  record.isolation = {"namespace", {"userns", "pid"}};
  record.teardown = {3, 0, true};
  record.labels = {{"owner", "me"}};
  record.metadata = {R"({"k":1})"};
  return record;
}

job_event end_event(event_type type, const job_record& record) {
  auto event = job_event{};
  event.type = type;
  event.job_id = record.job_id;
  event.seq = 9;
  event.unix_ms = 5;
  event.result = result_of(record);
  return event;
}

} // namespace

TEST_CASE("a phase is told as job_status") {
  auto event = job_event{};
  event.job_id = "j1";
  event.seq = 1;
  event.unix_ms = 1768858200123;
  event.status = status_change{"job_start", phase::init, "s1", "w1"};
  CHECK(text_of(event)
        == R"({"type":"job_status","job_id":"j1","seq":1,)"
           R"("timestamp":1768858200123,"data":{"status":"job_start",)"
           R"("phase":"INIT","session_id":"s1","worker_id":"w1"}})");
  const auto back = read_event_json(text_of(event));
  REQUIRE(back);
  CHECK(back->status->word == "job_start");
  CHECK(text_of(*back) == text_of(event));
}

TEST_CASE("output that is text is told as text") {
  CHECK(text_of(output_event("a\n\xC3\xA9\x1B[0m"))
        == R"({"type":"job_output","job_id":"j1","seq":7,)"
           R"("timestamp":1768858200123,"data":{"stream":"stderr",)"
           R"("offset":12,"chunk":"a\n)"
           "\xC3\xA9"
           R"(\u001b[0m"}})");
}

TEST_CASE("output that is no text is told as base64") {
  for (const auto& chunk : {"plain first \xFF"s, "a\0b"s, "\xC3"s}) {
    const auto event = output_event(chunk);
    const auto document = nlohmann::json::parse(text_of(event));
    CHECK(document["data"]["encoding"] == "base64");
    CHECK(document["data"].size() == 4);
  }
}

TEST_CASE("a cut is told, and only then") {
  auto event = output_event("");
  CHECK(text_of(event).find("truncated") == std::string::npos);
  event.output->truncated = true;
  const auto document = nlohmann::json::parse(text_of(event));
  CHECK(document["data"]["truncated"] == true);
  CHECK(document["data"]["chunk"] == "");
}

TEST_CASE("output of any bytes comes back exactly") {
  auto all = std::string{};
  for (auto i = 0; i < 256; ++i)
    all += static_cast<char>(i);
  for (const auto& chunk : {""s, "text\r\n"s, all, all.substr(1, 127)}) {
    const auto event = output_event(chunk);
    const auto back = read_event_json(text_of(event));
    REQUIRE(back);
    CHECK(back->type == event_type::job_output);
    CHECK(back->job_id == "j1");
    CHECK(back->seq == 7);
    CHECK(back->unix_ms == 1768858200123);
    CHECK(back->output->stream == output_stream::err);
    CHECK(back->output->offset == 12);
    CHECK(back->output->chunk == chunk);
  }
}

TEST_CASE("a job that finished is told with its result and no reason") {
  auto record = ended_record();
  record.status = job_status::finished;
  record.reason = {};
  record.exit_code = 0;
  const auto data = nlohmann::json::parse(
    text_of(end_event(event_type::job_complete, record)))["data"];
  CHECK(data["status"] == "finished");
  CHECK(data["session_id"] == "s1");
  CHECK(data["exit_code"] == 0);
  CHECK(data["duration_ms"] == 1432);
  CHECK(data["stdout_length"] == 12);
  CHECK(data["stderr_length"] == 3);
  CHECK(data["reason"].is_null());
  CHECK(data["artifacts"] == nlohmann::json::array({"out.json"}));
  CHECK(data["metadata"]["k"] == 1);
  for (const auto* absent : {"stdout", "stderr", "error"})
    CHECK_FALSE(data.contains(absent));
}

TEST_CASE("a job that ended otherwise is told with the error and the reason") {
  const auto event = end_event(event_type::job_error, ended_record());
  const auto data = nlohmann::json::parse(text_of(event))["data"];
  CHECK(data["error"] == "killed at 64 MB");
  CHECK(data["reason"]["code"] == "memory_limit");
  CHECK(data["reason"]["hint"] == "raise it");
  CHECK(data["exit_code"] == 137);
  CHECK(data["output"]["stderr"]["truncated"] == true);
  const auto back = read_event_json(text_of(event));
  REQUIRE(back);
  CHECK(back->result->reason->code == reason_code::memory_limit);
  CHECK(text_of(*back) == text_of(event));
}

TEST_CASE("events of a newer node are read as far as they are known") {
  const auto text = R"({"type":"job_output","job_id":"j","seq":1,"timestamp":2,
    "new":{},"data":{"stream":"stdout","offset":0,"chunk":"x","new":1}})";
  CHECK(read_event_json(text));
}

TEST_CASE("what is no event is refused") {
  for (const auto* text :
       {"", "[]", "{}", R"({"type":"heartbeat","job_id":"system"})",
        R"({"type":"job_output","job_id":"j","seq":1,"timestamp":2})",
        R"({"type":"job_output","job_id":"j","seq":1,"timestamp":2,"data":{
           "stream":"stdout","offset":0,"chunk":"*","encoding":"base64"}})",
        R"({"type":"job_output","job_id":"j","seq":1,"timestamp":2,"data":{
           "stream":"stdout","offset":0,"chunk":"x","encoding":"gzip"}})"}) {
    CAPTURE(text);
    const auto event = read_event_json(text);
    REQUIRE_FALSE(event);
    CHECK(code_of(event.error()) == ec::invalid_request);
  }
}

// -- projections --------------------------------------------------------------

TEST_CASE("a pending job has no phase and no reason") {
  auto record = job_record{};
  record.job_id = "j1";
  record.session_id = "s1";
  record.created_unix_ms = 1000;
  auto text = std::string{};
  write_json(text, state_of(record));
  const auto state = nlohmann::json::parse(text);
  CHECK(state["status"] == "pending");
  for (const auto* field : {"phase", "reason", "started_at", "finished_at"}) {
    REQUIRE(state.contains(field));
    CHECK(state[field].is_null());
  }
  CHECK(state["created_at"] == "1970-01-01T00:00:01.000Z");
}

TEST_CASE("a running job shows its newest phase and what it took so far") {
  auto record = job_record{};
  record.status = job_status::running;
  record.worker_id = "w1";
  record.created_unix_ms = 100;
  record.phases
    = {{phase::init, 10},     {phase::prepare, 15},  {phase::init, 130},
       {phase::prepare, 140}, {phase::execute, 145}, {phase::collect, 245}};
  const auto state = state_of(record);
  CHECK(state.at_phase == phase::collect);
  CHECK(state.metrics.worker_id == "w1");
  CHECK(state.metrics.queue_ms == 30);
  CHECK(state.metrics.prepare_ms == 5);
  CHECK(state.metrics.execute_ms == 100);
  CHECK(state.metrics.collect_ms == 0);
}

TEST_CASE("an ended job shows its reason and no phase") {
  auto record = ended_record();
  record.phases = {{phase::init, 1}, {phase::destroy, 2}};
  const auto state = state_of(record);
  CHECK_FALSE(state.at_phase);
  REQUIRE(state.reason);
  CHECK(state.reason->code == reason_code::memory_limit);
  CHECK(state.metrics.duration_ms == 1432);
}

TEST_CASE("states and results are read back as they were written") {
  auto record = ended_record();
  record.created_unix_ms = 1768858200123;
  auto result = result_of(record);
  result.stdout_text = lossy_text{"out\n"};
  result.stderr_text = lossy_text{""};
  auto text = std::string{};
  write_json(text, result);
  const auto result_back = read_json<job_result>(text);
  REQUIRE(result_back);
  auto again = std::string{};
  write_json(again, *result_back);
  CHECK(again == text);
  text.clear();
  write_json(text, state_of(record));
  const auto state_back = read_json<job_state>(text);
  REQUIRE(state_back);
  again.clear();
  write_json(again, *state_back);
  CHECK(again == text);
}
