#include "messages/event_json.hpp"

#include "messages/base64.hpp"
#include "messages/json_string.hpp"
#include "messages/json_writer.hpp"

#include <array>

namespace ocw {

namespace {

/// What a result has for `GET …/output` only.
constexpr auto text_fields = std::to_array<std::string_view>(
  {"stdout", "stderr", "truncated_in_response"});

constexpr auto text_and_reason_fields = std::to_array<std::string_view>(
  {"stdout", "stderr", "truncated_in_response", "reason"});

void append_chunk(std::string& out, std::string_view chunk) {
  const auto start = out.size();
  out += ",\"chunk\":";
  if (append_json_text(out, chunk))
    return;
  out.resize(start);
  out += ",\"encoding\":\"base64\",\"chunk\":\"";
  base64_append(out, chunk);
  out += '"';
}

void append_output(std::string& out, const output_chunk& x) {
  out += "{\"stream\":";
  write_json(out, x.stream);
  out += ",\"offset\":";
  write_json(out, x.offset);
  append_chunk(out, x.chunk);
  out += x.truncated ? ",\"truncated\":true}" : "}";
}

/// The fields that clients of the first hour look for at the top.
void append_summary(std::string& out, const job_result& x) {
  out += ",\"duration_ms\":";
  write_json(out, x.metrics.duration_ms);
  out += ",\"stdout_length\":";
  write_json(out, x.output.out.bytes);
  out += ",\"stderr_length\":";
  write_json(out, x.output.err.bytes);
}

void append_error(std::string& out, const job_result& x) {
  const auto reason = x.reason.value_or(end_reason{});
  out += ",\"error\":";
  append_json_string(out, reason.message.empty()
                            ? "the job ended as " + to_string(x.status)
                            : reason.message);
  out += ",\"reason\":";
  write_json(out, reason);
}

void append_result(std::string& out, const job_event& event) {
  const auto failed = event.type == event_type::job_error;
  const auto omitted
    = failed ? std::span<const std::string_view>{text_and_reason_fields}
             : std::span<const std::string_view>{text_fields};
  write_json(out, *event.result, {.omit = omitted});
  out.pop_back(); // what follows belongs to the same object
  append_summary(out, *event.result);
  if (failed)
    append_error(out, *event.result);
  out += '}';
}

void append_data(std::string& out, const job_event& event) {
  switch (event.type) {
  case event_type::job_status:
    if (event.status)
      return write_json(out, *event.status);
    break;
  case event_type::job_output:
    if (event.output)
      return append_output(out, *event.output);
    break;
  case event_type::job_complete:
  case event_type::job_error:
    if (event.result)
      return append_result(out, event);
    break;
  }
  out += "{}";
}

} // namespace

void append_event_json(std::string& out, const job_event& event) {
  out += "{\"type\":";
  write_json(out, event.type);
  out += ",\"job_id\":";
  append_json_string(out, event.job_id);
  out += ",\"seq\":";
  write_json(out, event.seq);
  out += ",\"timestamp\":";
  write_json(out, event.unix_ms);
  out += ",\"data\":";
  append_data(out, event);
  out += '}';
}

} // namespace ocw
