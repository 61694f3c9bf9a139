#pragma once

#include "messages/json_writer.hpp"
#include "ocw/errors.hpp"

#include <caf/error.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ocw::net {

/// An HTTP response that is complete before it is sent.
struct reply {
  unsigned status = 200;
  std::string body = {};
  std::string_view content_type = "application/json";
  std::string headers = {}; ///< further header lines, each ended by CRLF
};

/// The head of a response, for doors that send its body piece by piece too.
struct reply_head {
  unsigned status = 200;
  std::string_view content_type = "application/json";
  std::optional<uint64_t> content_length = {};
  std::string_view headers = {}; ///< further lines, each ended by CRLF
  bool keep_open = true;
  bool http_1_0 = false;
};

/// Appends the head, up to and including its empty line. Every response gets
/// `X-Content-Type-Options: nosniff` and `Cache-Control: no-store`.
void write_head(std::string& out, const reply_head& head);

/// The HTTP status of an error; the one table that says so.
unsigned http_status_of(ec code);

/// An error in the API's shape.
reply error_reply(const caf::error& err);

/// The same with a status that no `ec` stands for, such as 405.
reply error_reply(unsigned status, const caf::error& err);

template <class T>
reply json_reply(const T& value, unsigned status = 200) {
  auto out = reply{status};
  write_json(out.body, value);
  return out;
}

} // namespace ocw::net
