#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ocw::bench {

/// What a subscriber needs of an event, found in its JSON text without
/// copying or building anything.
struct event_view {
  std::string_view type;
  std::string_view job_id;
  uint64_t seq = 0;
  // of job_output
  std::string_view stream;
  std::string_view chunk; ///< as in the JSON text: escaped, or base64
  bool is_base64 = false;
  uint64_t offset = 0;
  uint64_t bytes = 0; ///< that `chunk` stands for
  // of job_complete and job_error
  uint64_t stdout_length = 0;
  uint64_t stderr_length = 0;

  bool is_output() const { return type == "job_output"; }
  bool is_terminal() const {
    return type == "job_complete" || type == "job_error";
  }
};

/// Reads one event, or ends the program if it is none.
event_view parse_event(std::string_view json);

/// The bytes that `event.chunk` stands for.
std::string decode_chunk(const event_view& event);

} // namespace ocw::bench
