#pragma once

#include "net/client_message.hpp"
#include "net/door.hpp"
#include "net/follow.hpp"
#include "net/subscriptions.hpp"
#include "net/websocket_wire.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace ocw::net {

/// One WebSocket client. A coroutine reads what it says; what it is sent goes
/// out whenever there is something and the socket takes it, without one. So an
/// idle client costs its cursors, and one that does not read blocks nobody.
/// Lives as long as an operation on its socket is under way. I/O thread only.
class websocket_session
  : public std::enable_shared_from_this<websocket_session> {
public:
  websocket_session(door& context, stream_type&& stream);

  /// Serves the client until the connection is done.
  awaitable<void> run(http_request upgrade);

  /// Closes with 1001: the node stops.
  void stop();

private:
  using websocket = beast::websocket::stream<websocket_wire, false>;

  // -- incoming (websocket.cpp) -----------------------------------------------

  awaitable<bool> accept(http_request upgrade);
  awaitable<void> refuse();
  awaitable<void> serve();
  awaitable<void> obey(std::string_view text);
  awaitable<void> subscribe(const client_message& wanted);
  awaitable<void> follow(const std::string& job_id, uint64_t from_seq);
  awaitable<void> feed(client_message input);
  awaitable<void> wait_for_room();
  void tick();

  // -- outgoing (websocket_sender.cpp) ----------------------------------------

  void say(std::string_view message);
  void send();
  void put_together(std::string& batch);
  void send_rest(std::string_view rest);
  void batch_sent();
  void send_again();
  void break_off();
  socket_type& socket();

  door& context_;
  websocket websocket_;
  std::shared_ptr<subscriptions> subscriptions_; ///< null at the end
  timer_type heartbeat_;
  std::optional<timer_type> room_; ///< the reader waits for `answers_` to go
  std::string answers_;  ///< frames that wait besides the jobs' events
  std::string rest_;     ///< what the socket did not take yet
  bool sending_ = false; ///< `rest_` is under way
  bool posted_ = false;  ///< a call of `send` is
  bool closed_ = false;  ///< a close frame was sent: nothing may follow it
  bool broken_ = false;
};

} // namespace ocw::net
