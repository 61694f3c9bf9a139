#pragma once

#include "launcher/fd.hpp"
#include "launcher/wire.hpp"

#include <array>
#include <initializer_list>
#include <string>
#include <string_view>

namespace ocw::launcher {

using frame_fds = std::array<unique_fd, wire::max_frame_fds>;

struct frame {
  wire::frame_type type = wire::frame_type::fork_shim;
  std::string payload;
  frame_fds fds; ///< that came with it, in order, close-on-exec
};

enum class waiting : uint8_t { no, yes };

enum class read_result : uint8_t {
  complete, ///< the frame is there
  again,    ///< not yet; only with `waiting::no`
  closed,   ///< the other end is gone
  broken,   ///< a length beyond max_frame_bytes: nothing after it makes sense
};

/// Reads frames from a stream socket it does not own, whole ones only. A length
/// is never believed: memory grows with the bytes that came. One thread.
class frame_reader {
public:
  explicit frame_reader(int socket) : socket_(socket) {}

  /// Replaces `next` with the following frame if the result is `complete`.
  read_result read(frame& next, waiting wait);

  int socket() const { return socket_; }

private:
  read_result receive(char* to, size_t size, waiting wait);
  read_result read_header(waiting wait);

  int socket_;
  wire::frame_header header_;
  size_t header_bytes_ = 0;
  size_t received_ = 0; // by the last receive()
  frame partial_;
};

enum class send_result : uint8_t { sent, would_block, closed };

/// Sends one frame, with those of `fds` that are not -1 (they stay the
/// caller's; at most wire::max_frame_fds). With `waiting::no` a frame is sent
/// whole or, as `would_block`, not at all.
send_result send_frame(int socket, wire::frame_type type,
                       std::string_view payload, waiting wait,
                       std::initializer_list<int> fds = {});

/// The bytes of a plain struct, for payloads.
template <class T>
std::string_view bytes_of(const T& value) {
  return {static_cast<const char*>(static_cast<const void*>(&value)),
          sizeof(T)};
}

} // namespace ocw::launcher
