#include "launcher/network.hpp"

#include "launcher/sys.hpp"
#include "launcher/wire.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>

namespace ocw::launcher {
namespace {

constexpr size_t stack_bytes = 16 << 10;
alignas(64) char stack[stack_bytes];

// netdevice(7): a loopback device is made down.
long raise_loopback() {
  const auto socket = sys(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0)
    return socket;
  ifreq request{};
  request.ifr_name[0] = 'l';
  request.ifr_name[1] = 'o';
  request.ifr_flags = IFF_UP;
  const auto done = sys(SYS_ioctl, socket, SIOCSIFFLAGS, &request);
  sys(SYS_close, socket);
  return done;
}

constexpr int listen_backlog = 128;

// A socket stays in the namespace it was made in, whoever accepts on it.
long make_listener() {
  const auto socket
    = sys(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket < 0)
    return socket;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(wire::egress_port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto done = sys(SYS_bind, socket, &address, sizeof(address));
  if (done >= 0)
    done = sys(SYS_listen, socket, listen_backlog);
  if (done >= 0)
    return socket;
  sys(SYS_close, socket);
  return done;
}

// What the maker is asked for and what it leaves: descriptors, or -errno.
struct maker_frame {
  listening wanted;
  long space = -EAGAIN;
  long listener = -EAGAIN;
};

// A process that is there only to have the namespace made, and to leave it in
// the descriptors it shares with the caller.
int run_maker(void* argument) {
  auto& frame = *static_cast<maker_frame*>(argument);
  auto done = raise_loopback();
  if (done >= 0 && frame.wanted == listening::yes)
    done = frame.listener = make_listener();
  if (done >= 0)
    done
      = sys(SYS_openat, AT_FDCWD, "/proc/self/ns/net", O_RDONLY | O_CLOEXEC, 0);
  frame.space = done;
  sys(SYS_exit, 0);
  return 0;
}

} // namespace

job_network make_network(listening wanted) {
  maker_frame frame{wanted};
  const auto flags
    = CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_NEWNET | SIGCHLD;
  const auto pid = ::clone(run_maker, stack + sizeof(stack), flags, &frame);
  if (pid < 0)
    return {};
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR)
    continue;
  job_network made;
  if (frame.listener >= 0)
    made.listener.reset(static_cast<int>(frame.listener));
  if (frame.space < 0) {
    errno = static_cast<int>(-frame.space);
    return {};
  }
  made.space.reset(static_cast<int>(frame.space));
  return made;
}

} // namespace ocw::launcher
