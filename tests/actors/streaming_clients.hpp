#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ocw::test {

/// A blocking TCP connection that gives up reading after ten seconds.
class raw_client {
public:
  explicit raw_client(uint16_t port);

  void send(std::string_view bytes);

  /// What is there, at least a byte; empty when the server has closed.
  std::string read_some();

  /// Reads on until `end` was read, and returns everything up to its end.
  std::string read_until(std::string_view end);

  /// Reads `count` bytes.
  std::string read_exactly(size_t count);

  /// Reads until the server closes.
  std::string read_all();

  void close();

  boost::asio::ip::tcp::socket& socket() { return socket_; }

private:
  bool fill();

  boost::asio::io_context io_;
  boost::asio::ip::tcp::socket socket_;
  std::string read_;
};

/// An HTTP response. A chunked body comes joined.
struct raw_answer {
  std::string head;
  std::string body;
  bool has(std::string_view text) const {
    return head.find(text) != std::string::npos;
  }
};

/// Sends a GET and reads its answer up to the body's proper end. Throws when
/// the body is cut off.
raw_answer get(raw_client& client, const std::string& target,
               const std::string& headers = {},
               const std::string& method = "GET");

/// A request head as `get` sends it.
std::string request_text(const std::string& target,
                         const std::string& headers = {},
                         const std::string& method = "GET");

/// A blocking WebSocket client.
class websocket_client {
public:
  /// Connects and reads the greeting.
  explicit websocket_client(uint16_t port, bool greeted = true);

  void say(const nlohmann::json& message) { say_text(message.dump()); }
  void say_text(const std::string& text);
  void say_binary(const std::string& bytes);

  void subscribe(const std::vector<std::string>& job_ids,
                 const nlohmann::json& from = nullptr);

  /// The next message. Throws when there is none within ten seconds.
  std::string_view next_text();
  nlohmann::json next();

  /// The next message that is not a heartbeat.
  nlohmann::json next_event();

  /// Reads until the server closes; the code it gave.
  uint16_t close_code();

  void drop() { tcp_.close(); }

  const nlohmann::json& greeting() const { return greeting_; }

private:
  boost::asio::io_context io_;
  boost::asio::ip::tcp::socket tcp_;
  boost::beast::websocket::stream<boost::asio::ip::tcp::socket&> ws_;
  boost::beast::flat_buffer buffer_;
  nlohmann::json greeting_;
};

} // namespace ocw::test
