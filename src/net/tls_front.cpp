#include "net/tls_front.hpp"

#include "messages/log.hpp"
#include "ocw/errors.hpp"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <chrono>

namespace ocw::net {

namespace {

using error_code = boost::system::error_code;
using executor_type = asio::io_context::executor_type;
using timer_type
  = asio::basic_waitable_timer<std::chrono::steady_clock,
                               asio::wait_traits<std::chrono::steady_clock>,
                               executor_type>;
using local_socket
  = asio::basic_stream_socket<asio::local::stream_protocol, executor_type>;

constexpr auto handshake_patience = std::chrono::seconds{10};
constexpr auto write_patience = std::chrono::seconds{30};
constexpr auto goodbye_patience = std::chrono::seconds{2};
constexpr size_t relay_bytes = 16 << 10;

/// One TLS connection and our end of its socket pair. Two coroutines hold it,
/// one for each direction.
class relay : public std::enable_shared_from_this<relay> {
public:
  relay(tcp_socket socket, asio::ssl::context& context)
    : secure_(std::move(socket), context),
      plain_(secure_.get_executor()),
      deadline_(secure_.get_executor()) {}

  awaitable<error_code> handshake() {
    auto error = error_code{};
    give_up_after(handshake_patience);
    co_await secure_.async_handshake(
      asio::ssl::stream_base::server,
      asio::redirect_error(use_awaitable, error));
    deadline_.cancel();
    co_return error;
  }

  caf::expected<socket_type> begin();

private:
  awaitable<void> receive();
  awaitable<void> send();
  awaitable<void> say_goodbye();
  void give_up_after(std::chrono::seconds patience);

  void close() {
    auto ignored = error_code{};
    secure_.next_layer().close(ignored);
    plain_.close(ignored);
  }

  asio::ssl::stream<tcp_socket> secure_;
  local_socket plain_;
  timer_type deadline_; // of the handshake, then of every write to the client
};

// Closes everything unless the deadline is cancelled or moved before.
void relay::give_up_after(std::chrono::seconds patience) {
  deadline_.expires_after(patience);
  auto late = [weak = weak_from_this()](error_code error) {
    const auto self = weak.lock();
    if (self && !error)
      self->close();
  };
  deadline_.async_wait(std::move(late));
}

caf::expected<socket_type> relay::begin() {
  auto error = error_code{};
  auto theirs = local_socket{plain_.get_executor()};
  asio::local::connect_pair(plain_, theirs, error);
  if (!error)
    theirs.non_blocking(true, error);
  if (error)
    return make_error(ec::unavailable, "no socket pair: " + error.message());
  const auto executor = secure_.get_executor();
  const auto self = shared_from_this();
  auto receiving = [self]() -> awaitable<void> { return self->receive(); };
  auto sending = [self]() -> awaitable<void> { return self->send(); };
  asio::co_spawn(executor, std::move(receiving), asio::detached);
  asio::co_spawn(executor, std::move(sending), asio::detached);
  return socket_type{std::move(theirs)};
}

// From the client to the door, until the client closes.
awaitable<void> relay::receive() {
  const auto self = shared_from_this();
  auto error = error_code{};
  auto bytes = std::make_unique<std::array<char, relay_bytes>>();
  while (!error) {
    const auto n = co_await secure_.async_read_some(
      asio::buffer(*bytes), asio::redirect_error(use_awaitable, error));
    if (!error)
      co_await asio::async_write(plain_, asio::buffer(*bytes, n),
                                 asio::redirect_error(use_awaitable, error));
  }
  auto ignored = error_code{};
  plain_.shutdown(local_socket::shutdown_send, ignored);
}

// From the door to the client, until the door closes; then all is over.
awaitable<void> relay::send() {
  const auto self = shared_from_this();
  auto error = error_code{};
  auto bytes = std::make_unique<std::array<char, relay_bytes>>();
  while (!error) {
    const auto n = co_await plain_.async_read_some(
      asio::buffer(*bytes), asio::redirect_error(use_awaitable, error));
    if (error)
      break;
    give_up_after(write_patience);
    co_await asio::async_write(secure_, asio::buffer(*bytes, n),
                               asio::redirect_error(use_awaitable, error));
    deadline_.cancel();
  }
  if (error == asio::error::eof)
    co_await say_goodbye();
  close();
}

// A close_notify tells the client that nothing was cut off. Its own is waited
// for only a moment.
awaitable<void> relay::say_goodbye() {
  give_up_after(goodbye_patience);
  auto error = error_code{};
  co_await secure_.async_shutdown(asio::redirect_error(use_awaitable, error));
  deadline_.cancel();
}

} // namespace

struct tls_front::credentials {
  asio::ssl::context context{asio::ssl::context::tls_server};
};

tls_front::tls_front() : credentials_(std::make_unique<credentials>()) {
}

tls_front::~tls_front() = default;

caf::expected<std::shared_ptr<tls_front>>
tls_front::make(const tls_config& settings) {
  auto out = std::shared_ptr<tls_front>{new tls_front};
  auto& context = out->credentials_->context;
  auto error = error_code{};
  SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.native_handle(), SSL_MODE_RELEASE_BUFFERS);
  context.use_certificate_chain_file(settings.certificate, error);
  if (error)
    return make_error(ec::invalid_request,
                      "the certificate " + settings.certificate
                        + " cannot be used: " + error.message(),
                      "tls.certificate");
  context.use_private_key_file(settings.key, asio::ssl::context::pem, error);
  if (!error && SSL_CTX_check_private_key(context.native_handle()) != 1)
    error = error_code{asio::error::invalid_argument};
  if (error)
    return make_error(ec::invalid_request,
                      "the key " + settings.key
                        + " cannot be used with the certificate: "
                        + error.message(),
                      "tls.key");
  return out;
}

awaitable<caf::expected<socket_type>> tls_front::accept(tcp_socket socket) {
  const auto one
    = std::make_shared<relay>(std::move(socket), credentials_->context);
  if (const auto error = co_await one->handshake(); error) {
    log::debug("tls.refused", {}, "the handshake failed: {}", error.message());
    co_return caf::expected<socket_type>{
      make_error(ec::forbidden, "the handshake failed")};
  }
  co_return one->begin();
}

} // namespace ocw::net
