#pragma once

#include "common.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// As much HTTP/1.1 as a client needs that must not cost much itself: requests
// written as text, answers found by their Content-Length.
namespace ocw::bench {

/// A node, and the token it lets us in with.
struct endpoint {
  std::string host; ///< an IPv4 address
  uint16_t port = 0;
  std::string token;
};

/// `url` is "http://HOST:PORT"; the token is the content of `token_file`.
endpoint parse_endpoint(std::string_view url, const std::string& token_file);

/// A connected, blocking socket without Nagle's delay.
unique_fd connect_to(const endpoint& node);

std::string make_request(const endpoint& node, std::string_view method_target,
                         std::string_view body);

/// A complete answer at the beginning of a buffer.
struct answer_view {
  int status = 0;
  std::string_view body;
  size_t size = 0; ///< of head and body
};

/// The answer `bytes` start with, or nothing while it is incomplete.
std::optional<answer_view> find_answer(std::string_view bytes);

struct answer {
  int status = 0;
  std::string body;
};

/// Asks one thing over a connection of its own. `method_target` is as in
/// "GET /v1/jobs".
answer ask(const endpoint& node, std::string_view method_target,
           std::string_view body);

/// Submits a job and fails unless it was accepted.
void submit(const endpoint& node, std::string_view request);

/// An id for a job that no other run of this program uses.
std::string new_job_id();

} // namespace ocw::bench
