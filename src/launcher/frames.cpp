#include "launcher/frames.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ocw::launcher {
namespace {

constexpr size_t max_piece = 64 << 10;
constexpr size_t max_fds = 4; // room to see, and close, those nobody asked for

// Keeps the first descriptors and closes those there is no place for.
void take_fds(msghdr& message, frame_fds& kept) {
  for (auto* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
      continue;
    const auto count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
      unique_fd owned{fd};
      const auto place = std::find_if(
        kept.begin(), kept.end(), [](const unique_fd& each) { return !each; });
      if (place != kept.end())
        *place = std::move(owned);
    }
  }
}

} // namespace

read_result frame_reader::receive(char* to, size_t size, waiting wait) {
  alignas(cmsghdr) char control[CMSG_SPACE(max_fds * sizeof(int))];
  iovec part{to, size};
  for (;;) {
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    const auto flags = wait == waiting::yes ? 0 : MSG_DONTWAIT;
    const auto n = recvmsg(socket_, &message, flags | MSG_CMSG_CLOEXEC);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      return read_result::again;
    if (n <= 0)
      return read_result::closed;
    take_fds(message, partial_.fds);
    received_ = static_cast<size_t>(n);
    return read_result::complete;
  }
}

read_result frame_reader::read_header(waiting wait) {
  auto* to = static_cast<char*>(static_cast<void*>(&header_));
  while (header_bytes_ < sizeof(header_)) {
    const auto left = sizeof(header_) - header_bytes_;
    const auto result = receive(to + header_bytes_, left, wait);
    if (result != read_result::complete)
      return result;
    header_bytes_ += received_;
  }
  return header_.length > wire::max_frame_bytes ? read_result::broken
                                                : read_result::complete;
}

read_result frame_reader::read(frame& next, waiting wait) {
  if (const auto result = read_header(wait); result != read_result::complete)
    return result;
  auto& payload = partial_.payload;
  while (payload.size() < header_.length) {
    const auto have = payload.size();
    const auto piece = std::min(header_.length - have, max_piece);
    payload.resize(have + piece);
    const auto result = receive(payload.data() + have, piece, wait);
    payload.resize(have + (result == read_result::complete ? received_ : 0));
    if (result != read_result::complete)
      return result;
  }
  partial_.type = header_.type;
  next = std::exchange(partial_, frame{});
  header_bytes_ = 0;
  return read_result::complete;
}

namespace {

// What is left of a frame after `sent` bytes; descriptors go with the first.
class outgoing {
public:
  outgoing(const wire::frame_header& header, std::string_view payload,
           std::initializer_list<int> fds)
    : header_(bytes_of(header)), payload_(payload) {
    for (const auto fd : fds)
      if (fd >= 0 && fd_count_ < wire::max_frame_fds)
        fds_[fd_count_++] = fd;
  }

  msghdr& message(size_t sent) {
    const auto head = std::min(sent, header_.size());
    const auto body = sent - head;
    // sendmsg only reads, though iovec is not const.
    parts_[0]
      = {const_cast<char*>(header_.data()) + head, header_.size() - head};
    parts_[1]
      = {const_cast<char*>(payload_.data()) + body, payload_.size() - body};
    message_ = {};
    message_.msg_iov = parts_;
    message_.msg_iovlen = 2;
    if (fd_count_ > 0 && sent == 0)
      attach();
    return message_;
  }

private:
  void attach() {
    const auto size = fd_count_ * sizeof(int);
    message_.msg_control = control_;
    message_.msg_controllen = CMSG_SPACE(size);
    auto* rights = CMSG_FIRSTHDR(&message_);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(rights), fds_, size);
  }

  std::string_view header_;
  std::string_view payload_;
  int fds_[wire::max_frame_fds] = {};
  size_t fd_count_ = 0;
  iovec parts_[2] = {};
  msghdr message_ = {};
  alignas(cmsghdr) char control_[CMSG_SPACE(sizeof(fds_))] = {};
};

} // namespace

send_result send_frame(int socket, wire::frame_type type,
                       std::string_view payload, waiting wait,
                       std::initializer_list<int> fds) {
  const wire::frame_header header{static_cast<uint32_t>(payload.size()), type};
  outgoing rest{header, payload, fds};
  const auto total = sizeof(header) + payload.size();
  auto flags = MSG_NOSIGNAL | (wait == waiting::yes ? 0 : MSG_DONTWAIT);
  for (size_t sent = 0; sent < total;) {
    const auto n = ::sendmsg(socket, &rest.message(sent), flags);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return errno == EAGAIN || errno == EWOULDBLOCK ? send_result::would_block
                                                     : send_result::closed;
    sent += static_cast<size_t>(n);
    flags = MSG_NOSIGNAL; // a frame that was begun is finished
  }
  return send_result::sent;
}

} // namespace ocw::launcher
