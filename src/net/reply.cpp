#include "net/reply.hpp"

#include "messages/error_json.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace ocw::net {

namespace {

// RFC 9110, section 15, and RFC 6585.
constexpr std::pair<unsigned, std::string_view> phrases[] = {
  {200, "OK"},
  {201, "Created"},
  {204, "No Content"},
  {206, "Partial Content"},
  {400, "Bad Request"},
  {401, "Unauthorized"},
  {403, "Forbidden"},
  {404, "Not Found"},
  {405, "Method Not Allowed"},
  {408, "Request Timeout"},
  {409, "Conflict"},
  {413, "Content Too Large"},
  {415, "Unsupported Media Type"},
  {416, "Range Not Satisfiable"},
  {417, "Expectation Failed"},
  {422, "Unprocessable Content"},
  {426, "Upgrade Required"},
  {429, "Too Many Requests"},
  {431, "Request Header Fields Too Large"},
  {500, "Internal Server Error"},
  {502, "Bad Gateway"},
  {503, "Service Unavailable"},
};

std::string_view phrase_of(unsigned status) {
  for (const auto& [number, phrase] : phrases)
    if (number == status)
      return phrase;
  return "Status";
}

void append_number(std::string& out, uint64_t number) {
  auto digits = std::array<char, 20>{};
  const auto end
    = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  out.append(digits.data(), end.ptr);
}

} // namespace

void write_head(std::string& out, const reply_head& head) {
  out += "HTTP/1.1 ";
  append_number(out, head.status);
  out += ' ';
  out += phrase_of(head.status);
  out += "\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n";
  if (!head.content_type.empty()) {
    out += "Content-Type: ";
    out += head.content_type;
    out += "\r\n";
  }
  if (head.content_length) {
    out += "Content-Length: ";
    append_number(out, *head.content_length);
    out += "\r\n";
  }
  out += head.headers;
  if (!head.keep_open)
    out += "Connection: close\r\n";
  else if (head.http_1_0)
    out += "Connection: keep-alive\r\n";
  out += "\r\n";
}

unsigned http_status_of(ec code) {
  switch (code) {
  case ec::none:
    return 200;
  case ec::invalid_request:
  case ec::limit_exceeded:
    return 400;
  case ec::unauthorized:
    return 401;
  case ec::forbidden:
  case ec::egress_denied:
    return 403;
  case ec::not_found:
    return 404;
  case ec::conflict:
  case ec::not_ended:
  case ec::already_ended:
    return 409;
  case ec::payload_too_large:
    return 413;
  case ec::unsupported_media:
    return 415;
  case ec::policy_denied:
  case ec::isolation_unavailable:
    return 422;
  case ec::rate_limited:
    return 429;
  case ec::unavailable:
  case ec::launch_failed:
    return 503;
  case ec::internal:
    return 500;
  }
  return 500;
}

reply error_reply(unsigned status, const caf::error& err) {
  return {status, error_json(err)};
}

reply error_reply(const caf::error& err) {
  auto out = error_reply(http_status_of(code_of(err)), err);
  if (code_of(err) == ec::unavailable)
    out.headers = "Retry-After: 1\r\n";
  return out;
}

} // namespace ocw::net
