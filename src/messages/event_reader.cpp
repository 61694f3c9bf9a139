#include "messages/base64.hpp"
#include "messages/event_json.hpp"
#include "messages/json_reader.hpp"

namespace ocw {

namespace {

constexpr auto reply = read_options{.ignore_unknown = true};

/// What is around an event's data.
struct envelope {
  event_type type = event_type::job_status;
  std::string job_id;
  uint64_t seq = 0;
  int64_t unix_ms = 0;
};

template <class Inspector>
bool inspect(Inspector& f, envelope& x) {
  return f.object(x).fields(f.field("type", x.type),
                            f.field("job_id", x.job_id), f.field("seq", x.seq),
                            f.field("timestamp", x.unix_ms));
}

/// An output event's data before its bytes are decoded.
struct output_data {
  output_stream stream = output_stream::out;
  uint64_t offset = 0;
  std::string chunk;
  std::string encoding;
  bool truncated = false;
};

template <class Inspector>
bool inspect(Inspector& f, output_data& x) {
  return f.object(x).fields(
    f.field("stream", x.stream), f.field("offset", x.offset),
    f.field("chunk", x.chunk),
    f.field("encoding", x.encoding).fallback(std::string{}),
    f.field("truncated", x.truncated).fallback(false));
}

caf::error read_status(nlohmann::json data, job_event& event) {
  auto status = read_json_value<status_change>(std::move(data), reply);
  if (!status)
    return std::move(status.error());
  event.status = std::move(*status);
  return {};
}

caf::error read_output(nlohmann::json data, job_event& event) {
  auto read = read_json_value<output_data>(std::move(data), reply);
  if (!read)
    return std::move(read.error());
  auto& output = event.output.emplace();
  output.stream = read->stream;
  output.offset = read->offset;
  output.truncated = read->truncated;
  if (read->encoding.empty())
    output.chunk = std::move(read->chunk);
  else if (read->encoding != "base64")
    return make_error(ec::invalid_request,
                      "unknown encoding of output: " + read->encoding,
                      "encoding");
  else if (!base64_decode(output.chunk, read->chunk))
    return make_error(ec::invalid_request, "chunk is not base64", "chunk");
  return {};
}

caf::error read_result(nlohmann::json data, job_event& event) {
  if (data.is_object())
    data["truncated_in_response"] = false; // no texts in events
  auto result = read_json_value<job_result>(std::move(data), reply);
  if (!result)
    return std::move(result.error());
  event.result = std::move(*result);
  return {};
}

caf::error read_data(nlohmann::json data, job_event& event) {
  switch (event.type) {
  case event_type::job_status:
    return read_status(std::move(data), event);
  case event_type::job_output:
    return read_output(std::move(data), event);
  case event_type::job_complete:
  case event_type::job_error:
    break;
  }
  return read_result(std::move(data), event);
}

} // namespace

caf::expected<job_event> read_event_json(std::string_view text) {
  auto document = parse_json(text);
  if (!document)
    return std::move(document.error());
  auto data = nlohmann::json{};
  if (document->is_object() && document->contains("data"))
    data = std::move((*document)["data"]);
  auto read = read_json_value<envelope>(std::move(*document), reply);
  if (!read)
    return std::move(read.error());
  auto event = job_event{};
  event.type = read->type;
  event.job_id = std::move(read->job_id);
  event.seq = read->seq;
  event.unix_ms = read->unix_ms;
  if (auto err = read_data(std::move(data), event))
    return err;
  return event;
}

} // namespace ocw
