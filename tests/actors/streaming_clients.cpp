#include "actors/streaming_clients.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <stdexcept>

namespace ocw::test {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

void connect(tcp::socket& socket, uint16_t port) {
  socket.connect({asio::ip::make_address("127.0.0.1"), port});
  socket.set_option(tcp::no_delay{true});
  const auto patience = timeval{.tv_sec = 10, .tv_usec = 0};
  ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience,
               sizeof(patience));
}

std::string read_chunks(raw_client& client) {
  auto body = std::string{};
  while (true) {
    const auto size = std::stoull(client.read_until("\r\n"), nullptr, 16);
    body += client.read_exactly(size);
    if (client.read_exactly(2) != "\r\n")
      throw std::runtime_error{"a chunk does not end where it should"};
    if (size == 0)
      return body;
  }
}

} // namespace

// -- raw_client ---------------------------------------------------------------

raw_client::raw_client(uint16_t port) : socket_(io_) {
  connect(socket_, port);
}

void raw_client::send(std::string_view bytes) {
  asio::write(socket_, asio::buffer(bytes.data(), bytes.size()));
}

bool raw_client::fill() {
  auto part = std::array<char, 65536>{};
  // recv(2) itself, since Asio would wait again after the time is up.
  const auto n = ::recv(socket_.native_handle(), part.data(), part.size(), 0);
  if (n < 0 && errno != ECONNRESET)
    throw std::runtime_error{"nothing came within ten seconds"};
  if (n <= 0)
    return false;
  read_.append(part.data(), static_cast<size_t>(n));
  return true;
}

std::string raw_client::read_some() {
  if (read_.empty())
    fill();
  return std::exchange(read_, {});
}

std::string raw_client::read_until(std::string_view end) {
  auto at = read_.find(end);
  while (at == std::string::npos) {
    if (!fill())
      throw std::runtime_error{"the connection was closed early"};
    at = read_.find(end);
  }
  return read_exactly(at + end.size());
}

std::string raw_client::read_exactly(size_t count) {
  while (read_.size() < count)
    if (!fill())
      throw std::runtime_error{"the connection was closed early"};
  auto result = read_.substr(0, count);
  read_.erase(0, count);
  return result;
}

std::string raw_client::read_all() {
  while (fill()) {
    // read on
  }
  return std::exchange(read_, {});
}

void raw_client::close() {
  socket_.close();
}

// -- HTTP ---------------------------------------------------------------------

std::string request_text(const std::string& target, const std::string& headers,
                         const std::string& method) {
  return method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n" + headers
         + "\r\n";
}

raw_answer get(raw_client& client, const std::string& target,
               const std::string& headers, const std::string& method) {
  client.send(request_text(target, headers, method));
  auto answer = raw_answer{.head = client.read_until("\r\n\r\n"), .body = {}};
  if (method == "HEAD")
    return answer;
  constexpr auto length_field = std::string_view{"Content-Length: "};
  if (answer.has("Transfer-Encoding: chunked"))
    answer.body = read_chunks(client);
  else if (const auto at = answer.head.find(length_field);
           at != std::string::npos)
    answer.body = client.read_exactly(
      std::stoull(answer.head.substr(at + length_field.size())));
  else
    answer.body = client.read_all();
  return answer;
}

// -- websocket_client ---------------------------------------------------------

websocket_client::websocket_client(uint16_t port, bool greeted)
  : tcp_(io_), ws_(tcp_) {
  connect(tcp_, port);
  ws_.handshake("localhost", "/ws");
  ws_.read_message_max(64u << 20);
  if (greeted)
    greeting_ = next();
}

void websocket_client::say_text(const std::string& text) {
  ws_.text(true);
  ws_.write(asio::buffer(text));
}

void websocket_client::say_binary(const std::string& bytes) {
  ws_.binary(true);
  ws_.write(asio::buffer(bytes));
}

void websocket_client::subscribe(const std::vector<std::string>& job_ids,
                                 const nlohmann::json& from) {
  auto message = nlohmann::json{{"type", "subscribe"}, {"job_ids", job_ids}};
  if (!from.is_null())
    message["from"] = from;
  say(message);
}

std::string_view websocket_client::next_text() {
  buffer_.clear();
  ws_.read(buffer_);
  return {static_cast<const char*>(buffer_.data().data()), buffer_.size()};
}

nlohmann::json websocket_client::next() {
  return nlohmann::json::parse(next_text());
}

nlohmann::json websocket_client::next_event() {
  auto message = next();
  while (message["type"] == "heartbeat")
    message = next();
  return message;
}

uint16_t websocket_client::close_code() {
  auto error = boost::system::error_code{};
  while (!error) {
    buffer_.clear();
    ws_.read(buffer_, error);
  }
  return error == boost::beast::websocket::error::closed ? ws_.reason().code
                                                         : uint16_t{0};
}

} // namespace ocw::test
