#pragma once

#include "net/door.hpp"

#include <cstdint>
#include <string>

namespace ocw::net {

/// What the connections of a listener may ask for.
enum class door_kind : uint8_t {
  api,       ///< every operation
  websocket, ///< an upgrade to WebSocket, at any path
};

/// The other end of a connection.
struct peer_info {
  std::string address; ///< as text; empty when not known
  bool on_loopback = false;
};

/// Serves the requests of one connection, one after the other, until either
/// end closes it. `stream` must outlive the returned operation. I/O thread.
awaitable<void> serve_connection(door& context, door_kind kind,
                                 stream_type& stream, peer_info peer);

} // namespace ocw::net
