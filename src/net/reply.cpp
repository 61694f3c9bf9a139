#include "net/reply.hpp"

#include "messages/error_json.hpp"

#include <array>
#include <charconv>

namespace ocw::net {

namespace {

std::string_view phrase_of(unsigned status) {
  switch (status) {
  case 200:
    return "OK";
  case 201:
    return "Created";
  case 204:
    return "No Content";
  case 206:
    return "Partial Content";
  case 400:
    return "Bad Request";
  case 401:
    return "Unauthorized";
  case 403:
    return "Forbidden";
  case 404:
    return "Not Found";
  case 405:
    return "Method Not Allowed";
  case 408:
    return "Request Timeout";
  case 409:
    return "Conflict";
  case 413:
    return "Content Too Large";
  case 415:
    return "Unsupported Media Type";
  case 416:
    return "Range Not Satisfiable";
  case 417:
    return "Expectation Failed";
  case 422:
    return "Unprocessable Content";
  case 426:
    return "Upgrade Required";
  case 429:
    return "Too Many Requests";
  case 431:
    return "Request Header Fields Too Large";
  case 500:
    return "Internal Server Error";
  case 503:
    return "Service Unavailable";
  default:
    return "Status";
  }
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
    return 400;
  case ec::limit_exceeded:
    return 400;
  case ec::unauthorized:
    return 401;
  case ec::forbidden:
    return 403;
  case ec::not_found:
    return 404;
  case ec::conflict:
    return 409;
  case ec::not_ended:
    return 409;
  case ec::already_ended:
    return 409;
  case ec::payload_too_large:
    return 413;
  case ec::unsupported_media:
    return 415;
  case ec::policy_denied:
    return 422;
  case ec::isolation_unavailable:
    return 422;
  case ec::rate_limited:
    return 429;
  case ec::unavailable:
    return 503;
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
  return error_reply(http_status_of(code_of(err)), err);
}

} // namespace ocw::net
