#pragma once

#include "net/stream.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/role.hpp>

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace ocw::net {

/// A message from server to client as one text frame (RFC 6455, section 5.2),
/// put together where it is sent from: what is appended between construction
/// and `end` is the message.
class text_frame {
public:
  explicit text_frame(std::string& out) : out_(out), start_(out.size()) {
    out_.append(longest_head, '\0');
  }

  void end() {
    const auto size = out_.size() - start_ - longest_head;
    const auto head = size < 126 ? 2u : size <= 0xffff ? 4u : longest_head;
    // A long message is where it belongs; a short one is moved up to its head.
    out_.erase(start_, longest_head - head);
    auto* to = out_.data() + start_;
    to[0] = '\x81'; // the only frame of a text message
    to[1] = static_cast<char>(head == 2 ? size : head == 4 ? 126 : 127);
    for (auto i = size_t{2}; i < head; ++i)
      to[i] = static_cast<char>(size >> (8 * (head - 1 - i)) & 0xff);
  }

private:
  static constexpr auto longest_head = 10u;

  std::string& out_;
  size_t start_;
};

inline void append_text_frame(std::string& out, std::string_view message) {
  auto frame = text_frame{out};
  out += message;
  frame.end();
}

/// What lies between Beast's WebSocket and the socket. Beast reads through it
/// and does the handshake. The frames it writes by itself (pings, pongs and
/// closes, one at a time) are kept for whoever sends the messages, so that
/// frames never mix and many messages can go out in one write. I/O thread only.
class websocket_wire {
public:
  using executor_type = stream_type::executor_type;

  explicit websocket_wire(stream_type next) : next_(std::move(next)) {}

  executor_type get_executor() noexcept { return next_.get_executor(); }
  stream_type& next_layer() noexcept { return next_; }
  const stream_type& next_layer() const noexcept { return next_; }

  /// The handshake is over. From now on `on_control` is called when Beast has
  /// a frame to send; with a null one, Beast writes for itself again.
  void keep_control_frames(std::function<void()> on_control) {
    on_control_ = std::move(on_control);
  }

  /// Appends Beast's frame, if there is one, and returns it: good until
  /// `control_sent`.
  std::string_view take_control(std::string& out) const {
    out += control_;
    return control_;
  }

  /// Tells Beast that its frame is out of the house.
  void control_sent() {
    control_.clear();
    if (!unsent_)
      return;
    auto tell = [unsent = std::move(unsent_)] { unsent->tell(); };
    asio::post(next_.get_executor(), std::move(tell));
  }

  // -- what Beast asks of a stream
  // ---------------------------------------------

  template <class Buffers, class Handler>
  void async_read_some(const Buffers& buffers, Handler&& handler) {
    next_.async_read_some(buffers, std::forward<Handler>(handler));
  }

  template <class Buffers, class Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    if (!on_control_) {
      next_.async_write_some(buffers, std::forward<Handler>(handler));
      return;
    }
    control_ = beast::buffers_to_string(buffers);
    using waiter = unsent_of<std::decay_t<Handler>>;
    unsent_ = std::make_unique<waiter>(std::forward<Handler>(handler),
                                       control_.size());
    on_control_();
  }

  /// Ends the connection after the closing handshake, as Beast's own function
  /// does, but really reads what the client sent meanwhile: closing with unread
  /// bytes resets the connection, and the close frame is lost with it. Beast's
  /// timeout bounds the wait.
  template <class Handler>
  friend void async_teardown(beast::role_type, websocket_wire& wire,
                             Handler&& handler) {
    auto ignored = beast::error_code{};
    wire.next_.socket().shutdown(asio::socket_base::shutdown_send, ignored);
    wire.drain(std::forward<Handler>(handler));
  }

private:
  /// Beast's operation that waits for its frame to be sent.
  struct unsent_frame {
    virtual ~unsent_frame() = default;
    virtual void tell() = 0;
  };

  template <class Handler>
  struct unsent_of final : unsent_frame {
    unsent_of(Handler&& waiting, size_t bytes)
      : handler(std::move(waiting)), size(bytes) {}
    // A frame that could not be sent counts as sent: the connection is closed
    // then, which the read that is always under way tells.
    void tell() override { std::move(handler)(beast::error_code{}, size); }
    Handler handler;
    size_t size;
  };

  template <class Handler>
  void drain(Handler handler) {
    // Whoever waits keeps this object alive.
    auto readable
      = [this, waiting = std::move(handler)](beast::error_code error) mutable {
          if (!error && !swallow())
            return drain(std::move(waiting));
          auto ignored = beast::error_code{};
          next_.socket().close(ignored);
          std::move(waiting)(error);
        };
    next_.socket().async_wait(socket_type::wait_read, std::move(readable));
  }

  // Reads some of what is there; true when there is nothing to come.
  bool swallow() {
    auto bytes = std::array<char, 4096>{};
    auto error = beast::error_code{};
    next_.socket().read_some(asio::buffer(bytes), error);
    return error && error != asio::error::would_block;
  }

  stream_type next_;
  std::function<void()> on_control_;
  std::string control_;
  std::unique_ptr<unsent_frame> unsent_;
};

} // namespace ocw::net
