#include "net/http_connection.hpp"

#include "messages/log.hpp"
#include "net/admission.hpp"
#include "net/follow.hpp"
#include "net/read_deadline.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/system/system_error.hpp>

#include <array>
#include <chrono>

namespace ocw::net {
namespace {

using error_code = boost::system::error_code;
using http_error = beast::http::error;
using body_parser = beast::http::request_parser<beast::http::string_body>;

constexpr auto linger_patience = std::chrono::seconds{5};
constexpr uint32_t max_head_bytes = 16 << 10;
constexpr size_t kept_buffer_bytes = 4 << 10;
// A refused body up to this size is read, to use the connection again.
constexpr uint64_t max_skipped_bytes = 64 << 10;

// A request that could not be read, in HTTP's words; null: there is nobody to
// tell.
std::optional<reply> reading_refusal(const error_code& error,
                                     uint64_t max_body_mb) {
  if (error == http_error::body_limit)
    return error_reply(make_error(ec::payload_too_large,
                                  "the body is larger than api.max_body_mb, "
                                    + std::to_string(max_body_mb) + " MB"));
  if (error == asio::error::timed_out)
    return error_reply(408, make_error(ec::invalid_request,
                                       "the request came too slowly; a body "
                                       "may take 30 s, and a second more for "
                                       "each 16 KiB"));
  if (error == http_error::header_limit || error == http_error::buffer_overflow)
    return error_reply(431, make_error(ec::payload_too_large,
                                       "the request's head is over 16 KiB"));
  if (error.category()
        != beast::http::make_error_code(http_error::bad_method).category()
      || error == http_error::end_of_stream
      || error == http_error::partial_message)
    return {};
  return error_reply(
    make_error(ec::invalid_request,
               "this is no HTTP request that can be read: " + error.message()));
}

class connection {
public:
  connection(door& context, door_kind kind, stream_type& stream, peer_info peer)
    : context_(context),
      kind_(kind),
      stream_(stream),
      deadline_(std::make_shared<read_deadline>(stream_)),
      peer_(std::move(peer)) {}

  awaitable<void> run() {
    const auto ender = ender_entry{context_, [this] { stop(); }};
    while (!stopping_ && co_await serve_one()) {
      parser_.reset();
      drop_buffer();
    }
  }

private:
  /// The node stops: answers what was asked, and takes no more.
  void stop() {
    stopping_ = true;
    if (reading_)
      stream_.cancel();
  }

  /// Serves one request. True when there may be another.
  awaitable<bool> serve_one();
  awaitable<error_code> read_head();
  awaitable<error_code> read_body();
  awaitable<bool> refuse(reply with, const std::string& cors);
  awaitable<bool> fail_reading(error_code error);
  awaitable<bool> answer(judged_request judged);
  awaitable<bool> answer_websocket();
  awaitable<bool> send(reply what, const std::string& cors, bool keep_open);
  awaitable<void> linger();
  // An answer can take hours, when it is a stream; the next request may get a
  // new buffer.
  void drop_buffer() {
    if (buffer_.size() == 0)
      buffer_ = {};
  }
  uint64_t max_body_bytes() const {
    return context_.settings.api.max_body_mb << 20;
  }

  door& context_;
  const door_kind kind_;
  stream_type& stream_;
  const std::shared_ptr<read_deadline> deadline_;
  const peer_info peer_;
  beast::flat_buffer buffer_;
  std::optional<body_parser> parser_;
  bool head_only_ = false;
  bool http_1_0_ = false;
  bool reading_ = false; ///< nothing that was asked waits for an answer
  bool stopping_ = false;
};

awaitable<bool> connection::serve_one() {
  if (auto error = co_await read_head(); error)
    co_return co_await fail_reading(error);
  auto& head = parser_->get();
  head_only_ = head.method() == beast::http::verb::head;
  http_1_0_ = head.version() < 11;
  auto judged = judge(context_.auth, kind_, head, peer_);
  if (judged.refusal)
    co_return co_await refuse(std::move(*judged.refusal), judged.cors);
  if (kind_ == door_kind::websocket)
    co_return co_await answer_websocket();
  if (auto error = co_await read_body(); error)
    co_return co_await fail_reading(error);
  co_return co_await answer(std::move(judged));
}

awaitable<error_code> connection::read_head() {
  parser_.emplace();
  parser_->header_limit(max_head_bytes);
  parser_->body_limit(max_body_bytes());
  buffer_.reserve(kept_buffer_bytes);
  deadline_->set(read_deadline::clock::now() + context_.patience.reading);
  auto error = error_code{};
  reading_ = true;
  co_await beast::http::async_read_header(
    stream_, buffer_, *parser_, asio::redirect_error(use_awaitable, error));
  reading_ = false;
  deadline_->lift();
  // A connection on which nothing was asked ends without a word.
  if (deadline_->missed() && parser_->got_some())
    error = asio::error::timed_out;
  co_return error;
}

awaitable<error_code> connection::read_body() {
  if (parser_->is_done())
    co_return error_code{};
  const auto expects = parser_->get()[beast::http::field::expect];
  constexpr auto go_on = std::string_view{"HTTP/1.1 100 Continue\r\n\r\n"};
  if (!expects.empty() && !http_1_0_ && buffer_.size() == 0)
    if (!co_await send_bytes(stream_, go_on))
      co_return error_code{asio::error::connection_reset};
  auto error = error_code{};
  reading_ = true;
  const auto& patience = context_.patience;
  auto due = read_deadline::clock::now() + patience.reading;
  while (!error && !parser_->is_done()) {
    const auto soon = read_deadline::clock::now() + patience.reading;
    deadline_->set(std::min(soon, due));
    const auto got = co_await beast::http::async_read_some(
      stream_, buffer_, *parser_, asio::redirect_error(use_awaitable, error));
    due += std::chrono::microseconds{got * 1'000'000
                                     / patience.body_bytes_per_second};
  }
  deadline_->lift();
  if (error && deadline_->missed())
    error = asio::error::timed_out;
  reading_ = false;
  co_return error;
}

awaitable<bool> connection::fail_reading(error_code error) {
  auto refusal = reading_refusal(error, context_.settings.api.max_body_mb);
  if (!refusal)
    co_return false;
  head_only_ = false;
  const auto none = std::string{};
  if (co_await send(std::move(*refusal), none, false))
    co_await linger();
  co_return false;
}

awaitable<bool> connection::refuse(reply with, const std::string& cors) {
  const auto& head = parser_->get();
  const auto length = parser_->content_length();
  auto reusable = head.keep_alive() && kind_ == door_kind::api && !stopping_;
  if (reusable && !parser_->is_done()) {
    // A client that waits for 100-continue sends no body after a refusal.
    reusable = length && *length <= max_skipped_bytes
               && head[beast::http::field::expect].empty();
    if (reusable)
      reusable = !co_await read_body();
  }
  const auto sent = co_await send(std::move(with), cors, reusable);
  if (sent && !reusable)
    co_await linger();
  co_return (sent && reusable);
}

awaitable<bool> connection::answer_websocket() {
  stream_.expires_never();
  auto request = parser_->release();
  drop_buffer();
  co_await serve_websocket(context_, stream_, std::move(request));
  co_return false;
}

awaitable<bool> connection::answer(judged_request judged) {
  const auto keep_alive = parser_->get().keep_alive();
  stream_.expires_never();
  drop_buffer();
  auto x = exchange{context_,
                    stream_,
                    parser_->release(),
                    std::move(judged.target),
                    std::move(judged.captures),
                    std::move(judged.cors)};
  auto outcome = std::optional<reply>{};
  try {
    outcome = co_await judged.what->handler->run(x);
  } catch (const boost::system::system_error& fault) {
    // The client is gone; what it asked for has been done or not.
    log::debug("http.connection_lost", {}, "{}: {}", judged.what->name,
               fault.what());
    co_return false;
  } catch (const std::exception& fault) {
    log::error("http.fault", {}, "{} failed: {}", judged.what->name,
               fault.what());
    if (x.answering)
      co_return false;
    outcome = error_reply(
      make_error(ec::internal, "the node failed to answer; its log says why"));
  }
  if (!outcome)
    co_return (x.keep_open && keep_alive);
  const auto keep_open = keep_alive && x.keep_open && !stopping_;
  const auto sent = co_await send(std::move(*outcome), x.cors, keep_open);
  co_return (sent && keep_open);
}

awaitable<bool> connection::send(reply what, const std::string& cors,
                                 bool keep_open) {
  auto head = reply_head{what.status, what.content_type};
  if (what.status != 204)
    head.content_length = what.body.size();
  what.headers += cors;
  head.headers = what.headers;
  head.keep_open = keep_open;
  head.http_1_0 = http_1_0_;
  auto text = std::string{};
  text.reserve(512);
  write_head(text, head);
  if (head_only_)
    co_return co_await send_bytes(stream_, text);
  // Both parts at once; what the socket does not take follows.
  const auto parts = std::array{asio::buffer(std::as_const(text)),
                                asio::buffer(std::as_const(what.body))};
  auto error = error_code{};
  auto sent = stream_.socket().write_some(parts, error);
  if (error == asio::error::would_block)
    error = {};
  if (error)
    co_return false;
  if (sent < text.size())
    if (!co_await send_bytes(stream_, std::string_view{text}.substr(sent)))
      co_return false;
  sent -= std::min(sent, text.size());
  if (sent == what.body.size())
    co_return true;
  co_return co_await send_bytes(stream_,
                                std::string_view{what.body}.substr(sent));
}

// Closing a socket with unread input resets the connection, and the answer may
// be lost with it; so what still comes in is read and dropped for a while.
awaitable<void> connection::linger() {
  auto error = error_code{};
  stream_.socket().shutdown(socket_type::shutdown_send, error);
  stream_.expires_after(linger_patience);
  auto dropped = std::array<char, 8192>{};
  reading_ = true;
  while (!error)
    co_await stream_.async_read_some(
      asio::buffer(dropped), asio::redirect_error(use_awaitable, error));
}

} // namespace

awaitable<void> serve_connection(door& context, door_kind kind,
                                 stream_type& stream, peer_info peer) {
  auto it = connection{context, kind, stream, std::move(peer)};
  co_await it.run();
}
} // namespace ocw::net
