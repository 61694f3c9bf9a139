#include "hostile/job/attacks.hpp"
#include "hostile/job/hostile_job.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_alg.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

// The machine's network, and what else goes from one process to another.

namespace hostile {
namespace {

constexpr int patience_ms = 500;

class descriptor {
public:
  explicit descriptor(int fd) : fd_(fd) {}
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() { ::close(fd_); }
  int get() const { return fd_; }

private:
  int fd_;
};

sockaddr_in loopback(const std::string& port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(static_cast<uint16_t>(std::atoi(port.c_str())));
  return to;
}

template <class Address>
const sockaddr* general(const Address& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

bool readable(int fd) {
  pollfd ready{fd, POLLIN, 0};
  return ::poll(&ready, 1, patience_ms) == 1;
}

int reach_tcp(const std::string& port) {
  const descriptor socket{::socket(AF_INET, SOCK_STREAM, 0)};
  const auto to = loopback(port);
  return socket.get() < 0
           ? errno
           : outcome(::connect(socket.get(), general(to), sizeof(to)));
}

// There is somebody only when an answer comes.
int reach_udp(const std::string& port) {
  const descriptor socket{::socket(AF_INET, SOCK_DGRAM, 0)};
  const auto to = loopback(port);
  if (socket.get() < 0 || ::connect(socket.get(), general(to), sizeof(to)) != 0
      || ::send(socket.get(), "x", 1, 0) < 0)
    return errno;
  char byte = 0;
  return readable(socket.get()) ? outcome(::recv(socket.get(), &byte, 1, 0))
                                : ETIMEDOUT;
}

sockaddr_un abstract(const std::string& name, socklen_t& size) {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path + 1, name.data(), name.size());
  size
    = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  return to;
}

int reach_abstract(const std::string& name) {
  const descriptor socket{::socket(AF_UNIX, SOCK_STREAM, 0)};
  socklen_t size = 0;
  const auto to = abstract(name, size);
  return outcome(::connect(socket.get(), general(to), size));
}

int reach_unix(const std::string& path) {
  const descriptor socket{::socket(AF_UNIX, SOCK_STREAM, 0)};
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, path.data(), path.size() < 100 ? path.size() : 100);
  return outcome(::connect(socket.get(), general(to), sizeof(to)));
}

int open_socket(int family, int type, int protocol) {
  const descriptor socket{::socket(family, type, protocol)};
  return outcome(socket.get());
}

int open_raw(const std::string&) {
  return open_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
}

int open_packet(const std::string&) {
  return open_socket(AF_PACKET, SOCK_RAW, 0);
}

int open_vsock(const std::string&) {
  return open_socket(AF_VSOCK, SOCK_STREAM, 0);
}

int open_crypto(const std::string&) {
  return open_socket(AF_ALG, SOCK_SEQPACKET, 0);
}

// Asks the kernel for its devices; any but loopback is the machine's.
int see_devices(const std::string&) {
  const descriptor socket{::socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)};
  if (socket.get() < 0)
    return errno;
  struct {
    nlmsghdr head{};
    rtgenmsg body{};
  } request;
  request.head.nlmsg_len = sizeof(request);
  request.head.nlmsg_type = RTM_GETLINK;
  request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  if (::send(socket.get(), &request, sizeof(request), 0) < 0)
    return errno;
  alignas(nlmsghdr) char answer[1 << 16];
  while (readable(socket.get())) {
    auto left
      = static_cast<unsigned>(::recv(socket.get(), answer, sizeof(answer), 0));
    for (auto* at = reinterpret_cast<nlmsghdr*>(answer); NLMSG_OK(at, left);
         at = NLMSG_NEXT(at, left)) {
      if (at->nlmsg_type != RTM_NEWLINK)
        return ENODEV;
      const auto* link = static_cast<const ifinfomsg*>(NLMSG_DATA(at));
      if ((link->ifi_flags & IFF_LOOPBACK) == 0)
        return 0;
    }
  }
  return ENODEV;
}

// No attack: what every job may do.
int use_loopback(const std::string&) {
  const descriptor server{::socket(AF_INET, SOCK_STREAM, 0)};
  const descriptor client{::socket(AF_INET, SOCK_STREAM, 0)};
  auto at = loopback("0");
  socklen_t size = sizeof(at);
  if (server.get() < 0 || ::bind(server.get(), general(at), size) != 0
      || ::listen(server.get(), 1) != 0
      || ::getsockname(server.get(), reinterpret_cast<sockaddr*>(&at), &size)
           != 0)
    return errno;
  return outcome(::connect(client.get(), general(at), size));
}

int attach_memory(const std::string& key) {
  const auto id = ::shmget(std::atoi(key.c_str()), 0, 0);
  if (id < 0)
    return errno;
  auto* at = ::shmat(id, nullptr, SHM_RDONLY);
  if (at == reinterpret_cast<void*>(-1))
    return errno;
  ::shmdt(at);
  return 0;
}

int open_queue(const std::string& name) {
  return outcome(::syscall(SYS_mq_open, name.c_str(), O_RDONLY, 0, nullptr));
}

} // namespace

const named_attack network_attacks[] = {
  {"tcp", reach_tcp},
  {"udp", reach_udp},
  {"abstract", reach_abstract},
  {"unix", reach_unix},
  {"raw", open_raw},
  {"packet", open_packet},
  {"vsock", open_vsock},
  {"alg", open_crypto},
  {"netlink", see_devices},
  {"loopback", use_loopback},
  {"shm", attach_memory},
  {"queue", open_queue},
  {nullptr, nullptr},
};

// As open to everybody as they can be made. The name is a number, too.
int plant(const words& arguments) {
  if (arguments.empty())
    return 2;
  const auto& name = arguments[0];
  ::umask(0);
  const descriptor listener{::socket(AF_UNIX, SOCK_STREAM, 0)};
  socklen_t size = 0;
  const auto at = abstract("ocw-" + name, size);
  if (::bind(listener.get(), general(at), size) != 0
      || ::listen(listener.get(), 8) != 0)
    return 1;
  ::shmget(std::atoi(name.c_str()), 4096, IPC_CREAT | 0666);
  ::syscall(SYS_mq_open, ("ocw-" + name).c_str(), O_RDWR | O_CREAT, 0666,
            nullptr);
  for (const auto* place : {"/tmp/", "/dev/shm/", "/var/tmp/", ""})
    ::close(::open((place + ("ocw-" + name)).c_str(), O_RDWR | O_CREAT, 0666));
  std::printf("up %d\n", static_cast<int>(::getpid()));
  std::fflush(stdout);
  char byte = 0;
  (void)!::read(0, &byte, 1);
  ::shmctl(::shmget(std::atoi(name.c_str()), 0, 0), IPC_RMID, nullptr);
  ::syscall(SYS_mq_unlink, ("ocw-" + name).c_str());
  return 0;
}

} // namespace hostile
