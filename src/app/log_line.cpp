#include "app/log_line.hpp"

#include "app/table.hpp"
#include "messages/json_string.hpp"
#include "ocw/config.hpp"
#include "ocw/ids.hpp"

#include <array>

namespace ocw {

namespace {

void append_field(std::string& out, std::string_view name,
                  std::string_view value) {
  out += ",\"";
  out += name;
  out += "\":";
  append_json_string(out, value);
}

// As wide as the longest, so that what follows stands in a column.
constexpr auto words = std::to_array<std::string_view>(
  {"TRACE", "DEBUG", "INFO ", "WARN ", "ERROR"});
// Grey, grey, green, yellow, red.
constexpr auto colors = std::to_array<std::string_view>(
  {"\x1b[90m", "\x1b[90m", "\x1b[32m", "\x1b[33m", "\x1b[31m"});
constexpr auto plain = std::string_view{"\x1b[0m"};

} // namespace

void append_json_line(std::string& out, const log_line& line) {
  out += "{\"timestamp\":\"";
  out += iso_time(line.unix_ms);
  out += "\",\"level\":\"";
  out += enum_words<log_level>[static_cast<size_t>(line.level)];
  out += '"';
  append_field(out, "event", line.event);
  if (!line.whom.job.empty())
    append_field(out, "job_id", line.whom.job);
  if (!line.whom.session.empty())
    append_field(out, "session_id", line.whom.session);
  append_field(out, "message", line.sentence);
  out += "}\n";
}

void append_pretty_line(std::string& out, const log_line& line, bool colored) {
  const auto level = static_cast<size_t>(line.level);
  out += iso_time(line.unix_ms);
  out += ' ';
  if (colored)
    out += colors[level];
  out += words[level];
  if (colored)
    out += plain;
  out += ' ';
  out += printable(line.event);
  out += ": ";
  out += printable(line.sentence);
  if (!line.whom.job.empty())
    out += " job=" + printable(line.whom.job);
  if (!line.whom.session.empty())
    out += " session=" + printable(line.whom.session);
  out += '\n';
}

} // namespace ocw
