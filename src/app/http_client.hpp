#pragma once

#include "app/connection.hpp"
#include "app/endpoint.hpp"

#include <caf/error.hpp>
#include <caf/expected.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ocw {

using header_list = std::vector<std::pair<std::string, std::string>>;

/// One request to a node.
struct http_call {
  std::string method = "GET";
  std::string target = {}; ///< encoded, begins with `/`
  std::string body = {};
  std::string content_type = "application/json"; ///< of `body`
  header_list headers = {};
  /// The longest silence while the answer is awaited or read; less than 0:
  /// forever.
  std::chrono::milliseconds patience{60000};
  /// Whether it may be sent again when the connection broke before an answer.
  bool repeatable = true;
};

struct http_answer {
  unsigned status = 0;
  header_list headers; ///< names as the node spelled them
  std::string body;    ///< empty where the pieces went elsewhere

  bool ok() const { return status >= 200 && status < 300; }

  /// The value of a header, whose name is compared without case; empty if it
  /// is not there.
  std::string_view header(std::string_view name) const;
};

/// Talks HTTP/1.1 to one node over one connection, which is kept open between
/// requests. Blocks. One thread at a time; copies share nothing but settings.
///
/// Errors say that there was no whole answer, are those of `connection`, and
/// name the URL and what to do. Any status of an answer is no error.
class http_client {
public:
  struct options {
    std::string token = {};   ///< sent as a bearer token; empty: none
    std::string ca_file = {}; ///< see `connection`
    std::chrono::milliseconds connect_patience{5000};
  };

  /// Takes a piece of a body as it arrives. False: that was enough, the rest
  /// is not wanted.
  using piece_function = std::function<bool(std::string_view)>;

  http_client(endpoint where, options how);
  http_client(http_client&&) noexcept;
  http_client& operator=(http_client&&) noexcept;
  ~http_client();

  /// A client of the same node with a connection of its own, for another
  /// thread.
  http_client another() const;

  const endpoint& where() const;

  caf::expected<http_answer> request(const http_call& call);

  /// Hands the body to `each` piece by piece if the status is a success; the
  /// body of anything else is in the answer. An error after pieces were handed
  /// out means that the body broke off.
  caf::expected<http_answer> stream(const http_call& call,
                                    const piece_function& each);

private:
  caf::expected<http_answer> perform(const http_call& call,
                                     const piece_function* each);
  caf::error ensure_open(bool& fresh);
  caf::expected<http_answer> receive(const http_call& call,
                                     const piece_function* each);
  caf::error explained(const caf::error& err) const;

  endpoint where_;
  options how_;
  std::unique_ptr<connection> connection_;
};

} // namespace ocw
