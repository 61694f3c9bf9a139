#pragma once

#include "net/node_bridge.hpp"
#include "net/stream.hpp"
#include "ocw/config.hpp"

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <string>

namespace ocw::net {

class authenticator; // auth.hpp
class egress_proxy;  // egress_proxy.hpp

using http_request = beast::http::request<beast::http::string_body>;
using http_response = beast::http::response<beast::http::string_body>;

/// How long a door waits for its clients. Tests make it shorter.
struct door_patience {
  /// For a request's head, for the first bytes of its body, and for more.
  std::chrono::milliseconds reading{30'000};
  /// A body may take as long, and a second more for this much of it.
  uint64_t body_bytes_per_second = 16 << 10;
  /// Between two heartbeats of an event stream.
  std::chrono::milliseconds event_heartbeat{15'000};
};

/// What every door of a node has in hand. Lives as long as the listeners; used
/// on the I/O thread only.
struct door {
  node_bridge& node;
  const config& settings;
  authenticator& auth;
  std::string
    store_dir; ///< where artifacts lie: `<store_dir>/artifacts/<job_id>`
  uint32_t websocket_clients = 0;               ///< connected now
  std::list<std::function<void()>> enders = {}; ///< one per connection that is
                                                ///< held for long
  door_patience patience = {};
  const egress_proxy* egress = nullptr; ///< for its counters
};

// -- the doors that hold a connection for long
// ---------------------------------
// Each takes the stream and returns when the connection is done. Streams are
// passed by reference, because a Beast stream that was moved from still costs
// memory for as long as it is there.

/// Speaks the WebSocket protocol of the API on a connection whose upgrade
/// request was authenticated. Closes with 1013 over `websocket.max_clients`.
awaitable<void> serve_websocket(door& context, stream_type& stream,
                                http_request upgrade);

/// Answers with a Server-Sent Events stream of one job's history, from event
/// `from_seq` to the terminal one. Returns true when the connection may be
/// kept open for another request.
awaitable<bool> serve_events(door& context, stream_type& stream,
                             const http_request& request, job_view job,
                             uint64_t from_seq);

/// Answers with the exact bytes of one output stream: a range of it, or, with
/// `follow`, all of it as it grows until the job ends (chunked). Uses
/// sendfile(2). Returns true when the connection may be kept open.
struct log_range {
  output_stream stream = output_stream::out;
  uint64_t offset = 0;
  uint64_t limit = UINT64_MAX;
  bool follow = false;
};
awaitable<bool> serve_logs(door& context, stream_type& stream,
                           const http_request& request, job_view job,
                           log_range range);

/// Asks every connection that is held for long to end, as a node does that
/// stops: WebSockets close with 1001, event streams and followed logs are cut
/// off. Returns at once; the connections end as the I/O thread goes on. A door
/// must outlive the coroutines it was given to.
void end_streams(door& context);

} // namespace ocw::net
