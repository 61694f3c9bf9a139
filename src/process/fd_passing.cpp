#include "process/fd_passing.hpp"

#include "launcher/wire.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace ocw {

ssize_t send_with_fds(int socket, std::string_view bytes,
                      std::span<const unique_fd> attached) {
  auto part = iovec{const_cast<char*>(bytes.data()), bytes.size()};
  auto msg = msghdr{};
  msg.msg_iov = &part;
  msg.msg_iovlen = 1;
  int fds[wire::max_frame_fds];
  auto count = size_t{0};
  for (const auto& each : attached)
    if (each)
      fds[count++] = each.get();
  const auto size = count * sizeof(int);
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(fds))] = {};
  if (size > 0) {
    msg.msg_control = control;
    msg.msg_controllen = CMSG_SPACE(size);
    auto* header = CMSG_FIRSTHDR(&msg);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(header), fds, size);
  }
  return ::sendmsg(socket, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

ssize_t receive_with_fd(int socket, void* to, size_t size,
                        unique_fd& attached) {
  auto part = iovec{to, size};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  auto msg = msghdr{};
  msg.msg_iov = &part;
  msg.msg_iovlen = 1;
  msg.msg_control = control;
  msg.msg_controllen = sizeof(control);
  auto got = ssize_t{-1};
  do
    got = ::recvmsg(socket, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  if (const auto* header = got > 0 ? CMSG_FIRSTHDR(&msg) : nullptr;
      header && header->cmsg_type == SCM_RIGHTS) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header), sizeof(fd));
    attached.reset(fd);
  }
  return got;
}

} // namespace ocw
