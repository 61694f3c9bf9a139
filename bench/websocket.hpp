#pragma once

#include "http.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace ocw::bench {

/// A WebSocket of a node's API, as its client (RFC 6455, no extensions). The
/// socket blocks: with several of them, call `fill` when it is readable.
class websocket {
public:
  /// Connects and shakes hands.
  explicit websocket(const endpoint& node);

  int fd() const { return fd_.get(); }

  /// Receives once. False when the node closed the connection.
  bool fill();

  /// The next complete message of what was received. The view holds until the
  /// next call of anything here. Answers pings by the way.
  bool next(std::string_view& message);

  /// Receives until there is a message. False when the node hung up.
  bool wait_next(std::string_view& message);

  void send_text(std::string_view text) { send_frame(1, text); }

private:
  struct frame {
    unsigned opcode = 0;
    bool is_final = false;
    std::string_view payload;
  };

  bool take_frame(frame& out);
  void send_frame(unsigned opcode, std::string_view payload);
  void make_room();
  std::string_view received() const {
    return {buffer_.data() + begin_, end_ - begin_};
  }

  unique_fd fd_;
  std::vector<char> buffer_;
  size_t begin_ = 0; // of what was received and not taken
  size_t end_ = 0;
  size_t wanted_ = 0; // size of the incomplete frame, when it is known
  std::string fragments_;
  bool closed_ = false;
};

} // namespace ocw::bench
