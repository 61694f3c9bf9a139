#include "net/outgoing.hpp"

#include "net/auth.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/field.hpp>

#include <netinet/tcp.h>
#include <sys/socket.h>

namespace ocw::net {

void take_over(stream_type& stream) {
  stream.expires_never();
  auto& socket = stream.socket();
  // Not every socket here is a TCP one; then there is nothing to set.
  auto ignored = boost::system::error_code{};
  socket.set_option(asio::ip::tcp::no_delay{true}, ignored);
  // What the peer's window has no room for should wait in the spool, not in
  // megabytes of the kernel's memory.
  const auto most_unsent = int{256} << 10;
  ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT,
               &most_unsent, sizeof(most_unsent));
  socket.non_blocking(true, ignored);
}

std::string& shared_batch() {
  // Beyond this a buffer is not worth keeping; one huge message caused it.
  constexpr auto most_kept = size_t{1} << 20;
  thread_local auto batch = std::string{};
  if (batch.capacity() > most_kept)
    batch = std::string{};
  batch.clear();
  return batch;
}

size_t send_now(socket_type& socket, std::string_view bytes,
                boost::system::error_code& error) {
  auto sent = size_t{0};
  error = {};
  while (sent < bytes.size()) {
    const auto rest = bytes.substr(sent);
    sent += socket.write_some(asio::buffer(rest.data(), rest.size()), error);
    if (error == asio::error::would_block || error == asio::error::try_again) {
      error = {};
      break;
    }
    if (error)
      break;
  }
  return sent;
}

awaitable<bool> send_all(socket_type& socket, std::string_view bytes) {
  auto error = boost::system::error_code{};
  const auto sent = send_now(socket, bytes, error);
  if (error)
    co_return false;
  if (sent == bytes.size())
    co_return true;
  const auto rest = std::string{bytes.substr(sent)};
  co_await asio::async_write(socket, asio::buffer(rest),
                             asio::redirect_error(use_awaitable, error));
  co_return !error;
}

awaitable<void> give_way(socket_type& socket) {
  co_await asio::post(socket.get_executor(), use_awaitable);
}

bool takes_chunks(const http_request& request) {
  return request.version() >= 11;
}

std::string answer_head(door& context, const http_request& request,
                        reply_head head) {
  const auto origin = request[beast::http::field::origin];
  auto headers = std::string{head.headers};
  headers += context.auth.cors_lines({origin.data(), origin.size()});
  head.headers = headers;
  head.http_1_0 = request.version() < 11;
  auto text = std::string{};
  write_head(text, head);
  return text;
}

} // namespace ocw::net
