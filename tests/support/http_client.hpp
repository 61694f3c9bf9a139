#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

namespace ocw::test {

/// A response as it came.
struct http_answer {
  unsigned status = 0; ///< 0: the connection was closed instead
  std::map<std::string, std::string> headers; ///< names in lower case
  std::string body;

  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string{} : found->second;
  }
};

/// One blocking connection that says exactly what the test tells it to. Gives
/// up reading after ten seconds.
class http_client {
public:
  explicit http_client(uint16_t port, std::string token = "the-token")
    : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      token_(std::move(token)) {
    const auto patience = timeval{10, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    auto where = sockaddr_in{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto* address
      = static_cast<const sockaddr*>(static_cast<const void*>(&where));
    if (connect(fd_, address, sizeof(where)) != 0)
      throw std::runtime_error{"cannot connect"};
  }
  ~http_client() { close(fd_); }
  http_client(const http_client&) = delete;
  http_client& operator=(const http_client&) = delete;

  void say(std::string_view text) const {
    while (!text.empty()) {
      const auto n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0)
        return;
      text.remove_prefix(static_cast<size_t>(n));
    }
  }

  /// Says no more, but goes on listening.
  void finish() const { shutdown(fd_, SHUT_WR); }

  /// A request with Host and token, `more` header lines and a body.
  http_answer ask(std::string_view verb, std::string_view path,
                  std::string_view more = {}, std::string_view body = {}) {
    auto text = std::string{verb} + ' ' + std::string{path}
                + " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer "
                + token_ + "\r\n" + std::string{more};
    if (!body.empty() || verb == "POST")
      text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    text += "\r\n";
    text += body;
    say(text);
    return hear(verb == "HEAD");
  }

  http_answer hear(bool head_only = false) {
    auto out = http_answer{};
    if (!read_until("\r\n\r\n"))
      return out;
    parse_head(take(pending_.find("\r\n\r\n") + 4), out);
    if (head_only || out.status == 204 || out.status == 100)
      return out;
    if (out.header("transfer-encoding") == "chunked")
      read_chunks(out.body);
    else if (const auto length = out.header("content-length"); !length.empty())
      out.body = read_bytes(std::stoull(length));
    return out;
  }

  /// Whether something came, or the end, within a time.
  bool can_hear(std::chrono::milliseconds patience) const {
    auto ready = pollfd{fd_, POLLIN, 0};
    return !pending_.empty()
           || ::poll(&ready, 1, static_cast<int>(patience.count())) == 1;
  }

  /// True when the other end closes without another byte.
  bool is_closed() { return pending_.empty() && !read_more(); }

private:
  bool read_more() {
    char bytes[65536];
    const auto n = recv(fd_, bytes, sizeof(bytes), 0);
    if (n > 0)
      pending_.append(bytes, static_cast<size_t>(n));
    return n > 0;
  }

  bool read_until(std::string_view mark) {
    while (pending_.find(mark) == std::string::npos)
      if (!read_more())
        return false;
    return true;
  }

  std::string take(size_t count) {
    auto out = pending_.substr(0, count);
    pending_.erase(0, count);
    return out;
  }

  std::string read_bytes(size_t count) {
    while (pending_.size() < count && read_more()) {
      // nop
    }
    return take(count);
  }

  void read_chunks(std::string& body) {
    while (read_until("\r\n")) {
      const auto size
        = std::stoull(take(pending_.find("\r\n") + 2), nullptr, 16);
      body += read_bytes(size);
      read_bytes(2);
      if (size == 0)
        return;
    }
  }

  static void parse_head(const std::string& head, http_answer& out) {
    out.status = static_cast<unsigned>(std::stoul(head.substr(9, 3)));
    auto at = head.find("\r\n") + 2;
    for (auto end = head.find("\r\n", at); end > at;
         at = end + 2, end = head.find("\r\n", at)) {
      const auto line = head.substr(at, end - at);
      const auto colon = line.find(": ");
      auto name = line.substr(0, colon);
      std::transform(
        name.begin(), name.end(), name.begin(),
        [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      out.headers[name] = line.substr(colon + 2);
    }
  }

  int fd_;
  std::string token_;
  std::string pending_;
};

} // namespace ocw::test
