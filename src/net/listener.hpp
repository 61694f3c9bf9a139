#pragma once

#include "net/http_connection.hpp"
#include "net/tls_front.hpp"

#include <caf/expected.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace ocw::net {

/// Accepts connections on one address and serves each with a coroutine of its
/// own. At most 4096 at once; further ones are closed at once. To be used on
/// the I/O thread, or before it runs.
class listener {
public:
  /// `context` must outlive the io_context's last run. With `tls`, every
  /// connection has to begin with a TLS handshake.
  listener(door& context, door_kind kind, std::shared_ptr<tls_front> tls = {});
  ~listener();
  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;

  /// Binds and begins to accept. `host` is an address or a name, `port` 0
  /// takes any free one. The port that was bound, or `ec::unavailable` with
  /// what to do about it.
  caf::expected<uint16_t> open(const std::string& host, uint16_t port);

  /// Accepts no more. Connections go on; `end_streams` ends those, too.
  void stop();

  /// How many connections there are now.
  uint32_t connections() const;

private:
  struct state;
  std::shared_ptr<state> state_;
};

} // namespace ocw::net
