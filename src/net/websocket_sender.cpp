#include "net/outgoing.hpp"
#include "net/websocket.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include <utility>

// The outgoing half of a WebSocket. Everything goes through `send`: answers to
// the client, Beast's control frames, the events of the jobs. It tries to hand
// a batch to the socket; what the socket does not take is kept, and sent on
// when it takes more. Until then nothing else is read or rendered.
namespace ocw::net {

socket_type& websocket_session::socket() {
  return websocket_.next_layer().next_layer().socket();
}

void websocket_session::say(std::string_view message) {
  append_text_frame(answers_, message);
  send();
}

void websocket_session::send() {
  if (sending_)
    return;
  if (broken_)
    return websocket_.next_layer().control_sent();
  auto& batch = shared_batch();
  put_together(batch);
  if (batch.empty())
    return;
  auto error = boost::system::error_code{};
  const auto sent = send_now(socket(), batch, error);
  if (error)
    return break_off();
  if (sent < batch.size())
    return send_rest(std::string_view{batch}.substr(sent));
  batch_sent();
}

// Answers, then Beast's frame, then events: a close frame comes after what was
// said before it, and nothing comes after a close frame.
void websocket_session::put_together(std::string& batch) {
  if (!closed_)
    batch += answers_;
  answers_ = std::string{};
  const auto control = websocket_.next_layer().take_control(batch);
  constexpr auto close_frame = '\x88';
  closed_ = closed_ || control.starts_with(close_frame);
  if (!closed_ && websocket_.is_open())
    subscriptions_->fill(batch, batch_bytes);
}

void websocket_session::send_rest(std::string_view rest) {
  rest_.assign(rest);
  sending_ = true;
  auto done
    = [self = shared_from_this()](boost::system::error_code error, size_t) {
        self->sending_ = false;
        self->rest_ = std::string{};
        if (error)
          return self->break_off();
        self->batch_sent();
      };
  asio::async_write(socket(), asio::buffer(rest_), std::move(done));
}

void websocket_session::batch_sent() {
  websocket_.next_layer().control_sent();
  if (room_)
    room_->cancel();
  if (!answers_.empty() || (subscriptions_->has_ready() && !closed_))
    send_again();
}

// By way of the queue, so that the other connections have their turn.
void websocket_session::send_again() {
  if (std::exchange(posted_, true))
    return;
  auto again = [self = shared_from_this()] {
    self->posted_ = false;
    self->send();
  };
  asio::post(heartbeat_.get_executor(), std::move(again));
}

void websocket_session::break_off() {
  broken_ = true;
  auto ignored = boost::system::error_code{};
  socket().close(ignored);
  websocket_.next_layer().control_sent();
  if (room_)
    room_->cancel();
}

} // namespace ocw::net
