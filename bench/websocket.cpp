#include "websocket.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/socket.h>

namespace ocw::bench {

namespace {

// Small at first, for a thousand idle ones; grows to what frames need.
constexpr auto first_room = size_t{2048};
constexpr auto read_size = size_t{256} << 10;

// The key only has to be sixteen bytes; nothing here depends on it.
constexpr auto handshake = std::string_view{
  "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13"
  "\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"};
constexpr auto expected_accept
  = std::string_view{"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="};

uint64_t big_endian(const char* bytes, size_t count) {
  auto value = uint64_t{0};
  for (auto i = size_t{0}; i < count; ++i)
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

} // namespace

websocket::websocket(const endpoint& node) : fd_(connect_to(node)) {
  auto text = std::string{"GET /v1/stream HTTP/1.1\r\nHost: "} + node.host + ':'
              + std::to_string(node.port) + "\r\nAuthorization: Bearer "
              + node.token;
  text += handshake;
  write_all(fd_.get(), text);
  for (;;) {
    if (!fill())
      fail("the node refused the WebSocket");
    const auto end = received().find("\r\n\r\n");
    if (end == std::string_view::npos)
      continue;
    const auto head = received().substr(0, end);
    if (!head.starts_with("HTTP/1.1 101")
        || head.find(expected_accept) == std::string_view::npos)
      fail("the node refused the WebSocket: " + std::string{head});
    begin_ += end + 4;
    return;
  }
}

bool websocket::fill() {
  if (closed_)
    return false;
  make_room();
  for (;;) {
    const auto n
      = recv(fd_.get(), buffer_.data() + end_, buffer_.size() - end_, 0);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    end_ += static_cast<size_t>(n);
    return true;
  }
}

void websocket::make_room() {
  if (begin_ == end_) {
    begin_ = end_ = 0;
  } else if (begin_ > 0 && buffer_.size() - end_ < read_size) {
    memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() > end_ && buffer_.size() >= wanted_)
    return;
  const auto size = buffer_.empty() ? first_room : wanted_ + read_size;
  buffer_.resize(std::max(size, end_ + first_room));
}

bool websocket::take_frame(frame& out) {
  const auto bytes = received();
  if (bytes.size() < 2)
    return false;
  const auto first = static_cast<unsigned char>(bytes[0]);
  const auto length = static_cast<unsigned char>(bytes[1]);
  if ((length & 0x80) != 0)
    fail("a masked frame from a server");
  const auto extra = length == 126 ? size_t{2} : length == 127 ? size_t{8} : 0;
  if (bytes.size() < 2 + extra)
    return false;
  const auto size
    = extra == 0 ? uint64_t{length} : big_endian(bytes.data() + 2, extra);
  wanted_ = 2 + extra + size;
  if (bytes.size() < wanted_)
    return false;
  out.opcode = first & 0x0f;
  out.is_final = (first & 0x80) != 0;
  out.payload = bytes.substr(2 + extra, size);
  begin_ += wanted_;
  return true;
}

bool websocket::next(std::string_view& message) {
  auto part = frame{};
  while (!closed_ && take_frame(part)) {
    if (part.opcode == 8) {
      closed_ = true;
    } else if (part.opcode == 9) {
      send_frame(10, part.payload);
    } else if (part.opcode == 10) {
      continue;
    } else if (part.is_final && part.opcode != 0) {
      message = part.payload;
      return true;
    } else {
      if (part.opcode != 0)
        fragments_.clear();
      fragments_ += part.payload;
      if (!part.is_final)
        continue;
      message = fragments_;
      return true;
    }
  }
  return false;
}

bool websocket::wait_next(std::string_view& message) {
  while (!next(message))
    if (!fill())
      return false;
  return true;
}

// Clients must mask; a mask of zeros leaves the bytes as they are.
void websocket::send_frame(unsigned opcode, std::string_view payload) {
  if (payload.size() > 0xffff)
    fail("too long for this client");
  auto text = std::string{};
  text += static_cast<char>(0x80 | opcode);
  if (payload.size() < 126) {
    text += static_cast<char>(0x80 | payload.size());
  } else {
    text += static_cast<char>(0x80 | 126);
    text += static_cast<char>(payload.size() >> 8);
    text += static_cast<char>(payload.size() & 0xff);
  }
  text.append(4, '\0');
  text += payload;
  write_all(fd_.get(), text);
}

} // namespace ocw::bench
