#include "app/request_fields.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace ocw {

namespace {

using nlohmann::json;

constexpr scalar_field fields[] = {
  {"job_id", flag_kind::text, "ID",
   "the job's id and idempotency key; a new one if not given"},
  {"command", flag_kind::text, "TEXT", "a command for the shell"},
  {"workspace", flag_kind::text, "DIR", "the node's directory to use as work/"},
  {"limits.cpu", flag_kind::number, "CORES", "cores, such as 0.5"},
  {"limits.memory", flag_kind::size, "SIZE", "such as 512MB; a number is MB"},
  {"limits.timeout", flag_kind::duration, "TIME",
   "the most time it may run: 30s, 5m, or milliseconds"},
  {"limits.max_output_size", flag_kind::size, "SIZE",
   "stdout and stderr together"},
  {"limits.disk", flag_kind::size, "SIZE", "work/ and output/ together"},
  {"limits.pids", flag_kind::number, "N", "processes and threads at once"},
  {"limits.queue_timeout", flag_kind::duration, "TIME",
   "the most time it may wait for room"},
  {"limits.idle_timeout", flag_kind::duration, "TIME",
   "the most time without output"},
  {"limits.gpu", flag_kind::number, "N", "GPUs"},
  {"config.mode", flag_kind::text, "worker", "for opencode.json"},
  {"config.provider", flag_kind::text, "NAME", "for opencode.json"},
  {"config.model", flag_kind::text, "NAME", "for opencode.json"},
  {"config.network", flag_kind::text, "restricted|open",
   "what network the job sees"},
  {"config.telemetry", flag_kind::boolean, "BOOL", "for opencode.json"},
  {"stream.chunk_size", flag_kind::number, "BYTES",
   "the most bytes in one output event"},
  {"stream.capture_stdout", flag_kind::boolean, "BOOL",
   "false: stdout is not kept"},
  {"stream.capture_stderr", flag_kind::boolean, "BOOL",
   "false: stderr is not kept"},
  {"priority", flag_kind::number, "0-100", "higher goes first; 50"},
  {"on_worker_lost", flag_kind::text, "fail|requeue",
   "what becomes of it when its worker is lost"},
};

bool is_number(std::string_view text) {
  auto value = double{};
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc{} && stop == end && std::isfinite(value);
}

/// A number as JSON would read it: whole ones stay whole.
std::optional<json> number_of(std::string_view text) {
  if (!is_number(text))
    return std::nullopt;
  auto whole = int64_t{};
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, whole);
  if (error == std::errc{} && stop == end)
    return json(whole);
  auto value = double{};
  std::from_chars(text.data(), end, value);
  return json(value);
}

std::optional<json> duration_of(std::string_view text) {
  const auto digits = text.find_first_not_of("0123456789.");
  const auto unit = digits == std::string_view::npos ? "" : text.substr(digits);
  const auto factor = unit.empty() || unit == "ms" ? 1.0
                      : unit == "s"                ? 1000.0
                      : unit == "m"                ? 60'000.0
                      : unit == "h"                ? 3'600'000.0
                                                   : 0.0;
  const auto number = text.substr(0, digits);
  if (factor == 0.0 || !is_number(number))
    return std::nullopt;
  auto value = double{};
  std::from_chars(number.data(), number.data() + number.size(), value);
  const auto milliseconds = value * factor;
  if (milliseconds > 9e15)
    return std::nullopt;
  return json(static_cast<uint64_t>(milliseconds));
}

} // namespace

std::span<const scalar_field> scalar_fields() {
  return fields;
}

const scalar_field* find_scalar_field(std::string_view name) {
  const auto* found
    = std::find_if(std::begin(fields), std::end(fields),
                   [&](const scalar_field& x) { return x.name == name; });
  return found == std::end(fields) ? nullptr : found;
}

std::optional<nlohmann::json> json_value_of(flag_kind kind,
                                            const std::string& text) {
  switch (kind) {
  case flag_kind::text:
    return json(text);
  case flag_kind::number:
    return number_of(text);
  case flag_kind::size: {
    const auto number = number_of(text);
    return number ? number : json(text);
  }
  case flag_kind::duration:
    return duration_of(text);
  case flag_kind::boolean:
    if (text == "true" || text == "false")
      return json(text == "true");
    break;
  }
  return std::nullopt;
}

std::string_view expected_by(flag_kind kind) {
  switch (kind) {
  case flag_kind::duration:
    return "must be a time such as 30s, 5m, 1h, or a number of milliseconds";
  case flag_kind::boolean:
    return "must be true or false";
  default:
    return "must be a number";
  }
}

} // namespace ocw
