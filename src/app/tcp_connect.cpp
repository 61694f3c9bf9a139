#include "app/tcp_connect.hpp"

#include "app/connection.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace ocw {

namespace {

using std::chrono::milliseconds;

struct free_addresses {
  void operator()(addrinfo* x) const { ::freeaddrinfo(x); }
};

using address_list = std::unique_ptr<addrinfo, free_addresses>;

caf::expected<address_list> resolve(const endpoint& where) {
  auto hints = addrinfo{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const auto port = std::to_string(where.port);
  const auto result
    = ::getaddrinfo(where.host.c_str(), port.c_str(), &hints, &found);
  if (result != 0)
    return unreachable("cannot find the host '" + where.host
                       + "': " + ::gai_strerror(result));
  return address_list{found};
}

/// Connects to one address; the errno is 0 if that worked.
unique_fd connect_to(const addrinfo& address, milliseconds patience,
                     int& problem) {
  auto fd = unique_fd{
    ::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  problem = fd ? 0 : errno;
  if (problem != 0)
    return {};
  if (::connect(fd.get(), address.ai_addr, address.ai_addrlen) != 0
      && errno != EINPROGRESS) {
    problem = errno;
    return {};
  }
  problem = wait_for(fd.get(), POLLOUT, patience);
  auto size = socklen_t{sizeof(problem)};
  if (problem == 0)
    ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &problem, &size);
  if (problem != 0)
    return {};
  const auto on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}

} // namespace

int wait_for(int fd, short what, milliseconds patience) {
  auto entry = pollfd{fd, what, 0};
  for (;;) {
    const auto n = ::poll(&entry, 1, static_cast<int>(patience.count()));
    if (n > 0)
      return 0;
    if (n == 0)
      return ETIMEDOUT;
    if (errno != EINTR)
      return errno;
  }
}

caf::expected<unique_fd> connect_to(const endpoint& where,
                                    milliseconds patience) {
  auto addresses = resolve(where);
  if (!addresses)
    return std::move(addresses.error());
  auto problem = 0;
  for (const auto* at = addresses->get(); at != nullptr; at = at->ai_next)
    if (auto fd = connect_to(*at, patience, problem); fd)
      return fd;
  return unreachable(std::string{std::strerror(problem)}
                     + "; start one with 'opencode-worker serve', or name "
                       "another with --url");
}

} // namespace ocw
