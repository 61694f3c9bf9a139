#pragma once

#include "messages/log.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace ocw {

/// What one line of the log says.
struct log_line {
  int64_t unix_ms = 0;
  log::severity level = log::severity::info;
  std::string_view event;
  log::about whom;
  std::string_view sentence;
};

/// Appends `{"timestamp":…,"level":…,"event":…,"job_id":…,"session_id":…,
/// "message":…}` and a line end. The ids are left out when empty; what is not
/// UTF-8 is replaced.
void append_json_line(std::string& out, const log_line& line);

/// Appends a line for people. Control characters of the texts do not reach the
/// terminal.
void append_pretty_line(std::string& out, const log_line& line, bool colored);

} // namespace ocw
