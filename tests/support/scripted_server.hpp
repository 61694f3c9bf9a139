#pragma once

#include "process/unique_fd.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace ocw::test {

/// A server on a free loopback port whose answers a test writes by hand: each
/// connection is taken by the next of the scripts.
class scripted_server {
public:
  /// One accepted connection, as a script sees it.
  class peer {
  public:
    explicit peer(int fd, scripted_server& owner) : fd_(fd), owner_(owner) {}

    /// Reads one request, its body included, and remembers it. False when the
    /// client has closed the connection.
    bool receive() {
      auto text = std::string{};
      auto wanted = std::string::npos;
      while (text.size() < wanted) {
        char part[4096];
        const auto n = ::recv(fd_, part, sizeof(part), 0);
        if (n <= 0)
          return false;
        text.append(part, static_cast<size_t>(n));
        const auto end = text.find("\r\n\r\n");
        if (end != std::string::npos)
          wanted = end + 4 + length_in(text);
      }
      owner_.remember(std::move(text));
      return true;
    }

    void send(std::string_view bytes) {
      while (!bytes.empty()) {
        const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n <= 0)
          return;
        bytes.remove_prefix(static_cast<size_t>(n));
      }
    }

    /// Sends a body as one chunk of a chunked answer.
    void send_chunk(std::string_view body) {
      char size[32];
      std::snprintf(size, sizeof(size), "%zx\r\n", body.size());
      send(std::string{size}.append(body).append("\r\n"));
    }

    /// Answers with a whole body.
    void answer(std::string_view status, std::string_view body) {
      send("HTTP/1.1 " + std::string{status} + "\r\nContent-Length: "
           + std::to_string(body.size()) + "\r\n\r\n" + std::string{body});
    }

  private:
    static size_t length_in(const std::string& head) {
      const auto at = head.find("Content-Length: ");
      return at == std::string::npos ? 0 : std::stoul(head.substr(at + 16));
    }

    int fd_;
    scripted_server& owner_;
  };

  using script = std::function<void(peer&)>;

  explicit scripted_server(std::vector<script> scripts)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    auto address = sockaddr_in{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto size = socklen_t{sizeof(address)};
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    if (::bind(socket_.get(), plain, size) != 0
        || ::listen(socket_.get(), 8) != 0
        || ::getsockname(socket_.get(), plain, &size) != 0)
      throw std::runtime_error("no free port");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread{[this, all = std::move(scripts)] { serve(all); }};
  }

  /// Waits for the scripts to be done; a client that comes no more ends them.
  ~scripted_server() {
    ::shutdown(socket_.get(), SHUT_RDWR);
    thread_.join();
  }

  std::string url() const {
    return "http://127.0.0.1:" + std::to_string(port_);
  }
  uint16_t port() const { return port_; }

  /// The requests received so far, heads and bodies.
  std::vector<std::string> requests() const {
    const auto lock = std::lock_guard{guard_};
    return requests_;
  }

private:
  void serve(const std::vector<script>& scripts) {
    for (const auto& act : scripts) {
      const auto fd = unique_fd{::accept(socket_.get(), nullptr, nullptr)};
      if (!fd)
        return;
      auto client = peer{fd.get(), *this};
      act(client);
    }
  }

  void remember(std::string text) {
    const auto lock = std::lock_guard{guard_};
    requests_.push_back(std::move(text));
  }

  unique_fd socket_;
  uint16_t port_ = 0;
  mutable std::mutex guard_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

} // namespace ocw::test
