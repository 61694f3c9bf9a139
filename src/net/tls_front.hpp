#pragma once

#include "net/stream.hpp"
#include "ocw/config.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <caf/expected.hpp>

#include <memory>

namespace ocw::net {

using tcp_socket
  = asio::basic_stream_socket<asio::ip::tcp, asio::io_context::executor_type>;

/// Speaks TLS, 1.2 or newer, in front of the doors: what comes out of it is an
/// ordinary connection, one end of a socket pair that bytes are relayed to and
/// from, with at most 16 KiB under way in each direction. I/O thread.
class tls_front {
public:
  /// Loads certificate and key. `ec::invalid_request` names the setting whose
  /// file cannot be used.
  static caf::expected<std::shared_ptr<tls_front>>
  make(const tls_config& settings);

  ~tls_front();
  tls_front(const tls_front&) = delete;
  tls_front& operator=(const tls_front&) = delete;

  /// Makes the handshake, within 10 s, and begins to relay. The decrypted end;
  /// closing it closes the connection.
  awaitable<caf::expected<socket_type>> accept(tcp_socket socket);

private:
  tls_front();
  struct credentials;
  std::unique_ptr<credentials> credentials_;
};

} // namespace ocw::net
