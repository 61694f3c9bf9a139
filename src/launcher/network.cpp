#include "launcher/network.hpp"

#include "launcher/sys.hpp"

#include <fcntl.h>
#include <net/if.h>
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

// A process that is there only to have the namespace made, and to leave it in
// the descriptors it shares with the caller.
int run_maker(void* result) {
  auto done = raise_loopback();
  if (done >= 0)
    done
      = sys(SYS_openat, AT_FDCWD, "/proc/self/ns/net", O_RDONLY | O_CLOEXEC, 0);
  *static_cast<long*>(result) = done;
  sys(SYS_exit, 0);
  return 0;
}

} // namespace

unique_fd make_network() {
  long result = -EAGAIN;
  const auto flags
    = CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_NEWNET | SIGCHLD;
  const auto pid = ::clone(run_maker, stack + sizeof(stack), flags, &result);
  if (pid < 0)
    return {};
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR)
    continue;
  if (result < 0) {
    errno = static_cast<int>(-result);
    return {};
  }
  return unique_fd{static_cast<int>(result)};
}

} // namespace ocw::launcher
