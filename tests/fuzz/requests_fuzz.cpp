// A libFuzzer target for what clients send: job requests, WebSocket messages,
// request targets, ranges, events. Whatever the bytes, no crash; errors are
// text that can be put into an answer; and what is understood is the same after
// it was written and read again. `./scripts/check fuzz` runs it.

#include "fuzz/readers.hpp"
#include "messages/event_json.hpp"
#include "messages/job_request.hpp"
#include "messages/json_reader.hpp"
#include "messages/utf8.hpp"
#include "net/byte_range.hpp"
#include "net/client_message.hpp"
#include "net/target.hpp"

#include <string>

using namespace ocw;
using ocw::fuzz::must;

namespace {

void read_request(std::string_view bytes) {
  const auto request = parse_job_request(bytes);
  if (!request)
    return must(is_text(sentence_of(request.error())));
  auto once = std::string{};
  write_request_without_secrets(once, *request);
  const auto again = read_json<job_request>(once);
  must(again.engaged());
  auto twice = std::string{};
  write_request_without_secrets(twice, *again);
  must(once == twice);
}

void read_message(std::string_view bytes) {
  const auto message = net::read_client_message(bytes);
  if (!message)
    must(is_text(net::error_message(message.error(), {})));
}

void read_target(std::string_view bytes) {
  const auto target = net::parse_target(bytes);
  if (!target)
    return;
  for (const auto& segment : target->segments)
    must(segment != "." && segment != "..");
  (void)net::number_in(target->query, "limit", 1);
  (void)net::flag_in(target->query, "eof");
  (void)net::wait_in(target->query);
}

void read_byte_range(std::string_view bytes) {
  constexpr auto size = uint64_t{1000};
  const auto answer = net::read_range(bytes, size);
  if (answer.part)
    must(answer.part->length <= size
         && answer.part->first <= size - answer.part->length);
}

void read_event(std::string_view bytes) {
  (void)read_event_json(bytes);
}

constexpr auto request_sample
  = R"({"job_id":"a","command":"true","files":{"a/b":"x","c":{"content_base64":)"
    R"("eA==","mode":"0755"}},"env":{"A":"b"},"secrets":{"K":"v"},"limits":)"
    R"({"cpu":0.5,"memory":"1.5GiB","timeout":5000,"pids":3},"labels":)"
    R"({"o":"x"},"stream":{"chunk_size":4096},"artifacts":["*.o"],)"
    R"("metadata":{"a":[1,null]}})";

} // namespace

const std::vector<fuzz::reader>& fuzz::readers() {
  static const std::vector<reader> all = {
    {read_request, request_sample},
    {read_message, R"({"type":"subscribe","job_ids":["a"],"from":{"a":3}})"},
    {read_target, "/v1/jobs/a%20b/logs?stream=stdout&limit=3&eof=1&wait=0.5"},
    {read_byte_range, "bytes=5-9"},
    {read_event,
     R"({"type":"job_output","job_id":"a","seq":2,"timestamp":1,"data":)"
     R"({"stream":"stdout","offset":0,"chunk":"x"}})"},
  };
  return all;
}
