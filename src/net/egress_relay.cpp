#include "net/egress_connection.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>

#include <fmt/format.h>

#include <array>

// Bytes both ways, for as long as both ends go on.

namespace ocw::net {

namespace http = beast::http;

namespace {

constexpr size_t relay_bytes = 16 << 10;
constexpr auto idle_patience = std::chrono::minutes{5};

using relay_buffer = std::array<char, relay_bytes>;

} // namespace

// What came behind the request's head is the first of what goes through.
awaitable<void> egress_connection::tunnel() {
  answered_ = true;
  allow(idle_patience);
  const auto self = shared_from_this();
  constexpr auto yes
    = std::string_view{"HTTP/1.1 200 Connection established\r\n\r\n"};
  if (!co_await write(client_, yes))
    co_return;
  const auto early = std::string_view{
    static_cast<const char*>(buffer_.data().data()), buffer_.size()};
  if (!early.empty() && !co_await write(server_, early))
    co_return;
  buffer_ = {};
  pumps_left_ = 2;
  auto back = [self]() -> awaitable<void> {
    return self->pump(self->server_, self->client_);
  };
  asio::co_spawn(client_.get_executor(), std::move(back), asio::detached);
  co_await pump(client_, server_);
}

// One request only: the next could be for another target, so nothing is read
// beyond its body, and the end of the answer is the end of the connection.
awaitable<void> egress_connection::forward(const egress_request& request) {
  answered_ = true;
  allow(idle_patience);
  const auto self = shared_from_this();
  if (!co_await write(server_, request.head))
    co_return;
  pumps_left_ = 1;
  auto there = [self]() -> awaitable<void> { return self->send_body(); };
  asio::co_spawn(client_.get_executor(), std::move(there), asio::detached);
  co_await pump(server_, client_);
}

awaitable<void> egress_connection::send_body() {
  const auto self = shared_from_this();
  const auto chunked = parser_.chunked();
  const auto bytes = std::make_unique<relay_buffer>();
  auto error = error_code{};
  while (!parser_.is_done()) {
    auto& body = parser_.get().body();
    body.data = bytes->data();
    body.size = bytes->size();
    co_await http::async_read_some(client_, buffer_, parser_,
                                   asio::redirect_error(use_awaitable, error));
    if (error && error != http::error::need_buffer)
      co_return close();
    auto piece = std::string{bytes->data(), bytes->size() - body.size};
    if (piece.empty())
      continue;
    if (chunked)
      piece = fmt::format("{:x}\r\n{}\r\n", piece.size(), piece);
    if (!co_await write(server_, piece))
      co_return;
  }
  constexpr auto last_chunk = std::string_view{"0\r\n\r\n"};
  if (chunked)
    co_await write(server_, last_chunk);
}

// An end is passed on, and the other direction goes on without it. Anything
// else ends both.
awaitable<void> egress_connection::pump(egress_socket& from,
                                        egress_socket& to) {
  const auto self = shared_from_this();
  const auto bytes = std::make_unique<relay_buffer>();
  auto error = error_code{};
  for (;;) {
    const auto n = co_await from.async_read_some(
      asio::buffer(*bytes), asio::redirect_error(use_awaitable, error));
    if (error)
      break;
    const auto piece = std::string_view{bytes->data(), n};
    if (!co_await write(to, piece))
      co_return;
  }
  if (error == asio::error::eof)
    to.shutdown(egress_socket::shutdown_send, error);
  if (error || --pumps_left_ == 0)
    close();
}

// False when that was the end of it.
awaitable<bool> egress_connection::write(egress_socket& to,
                                         std::string_view bytes) {
  auto error = error_code{};
  due_ = clock::now() + idle_patience;
  co_await asio::async_write(to, asio::buffer(bytes.data(), bytes.size()),
                             asio::redirect_error(use_awaitable, error));
  due_ = clock::now() + idle_patience;
  if (error)
    close();
  co_return !error;
}

} // namespace ocw::net
