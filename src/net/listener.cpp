#include "net/listener.hpp"

#include "messages/log.hpp"
#include "ocw/errors.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/redirect_error.hpp>

#include <cerrno>
#include <chrono>

namespace ocw::net {

using asio::ip::tcp;
using error_code = boost::system::error_code;
using executor_type = asio::io_context::executor_type;

struct listener::state : std::enable_shared_from_this<listener::state> {
  state(door& its_door, door_kind its_kind, std::shared_ptr<tls_front> its_tls)
    : context(its_door),
      kind(its_kind),
      tls(std::move(its_tls)),
      acceptor(its_door.node.io().get_executor()),
      pause(its_door.node.io().get_executor()) {}

  awaitable<void> accept_all();
  awaitable<void> back_off(const error_code& error);
  void admit(tcp_socket socket);
  awaitable<void> serve(tcp_socket socket, peer_info peer);

  door& context;
  const door_kind kind;
  const std::shared_ptr<tls_front> tls;
  asio::basic_socket_acceptor<tcp, executor_type> acceptor;
  asio::basic_waitable_timer<std::chrono::steady_clock,
                             asio::wait_traits<std::chrono::steady_clock>,
                             executor_type>
    pause;
  uint32_t connections = 0;
  bool backing_off = false; ///< so that one shortage is one line in the log
};

namespace {

constexpr uint32_t max_connections = 4096;
constexpr auto back_off_time = std::chrono::milliseconds{100};

// Gives a connection's place back however its coroutine ends.
class place {
public:
  explicit place(uint32_t& taken) : taken_(taken) { ++taken_; }
  ~place() { --taken_; }
  place(const place&) = delete;
  place& operator=(const place&) = delete;

private:
  uint32_t& taken_;
};

peer_info peer_of(const tcp_socket& socket) {
  auto error = error_code{};
  auto address = socket.remote_endpoint(error).address();
  if (error)
    return {};
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    address = make_address_v4(asio::ip::v4_mapped, address.to_v6());
  return {address.to_string(), address.is_loopback()};
}

caf::expected<tcp::endpoint> resolve(asio::io_context& io,
                                     const std::string& host, uint16_t port) {
  auto error = error_code{};
  const auto address = asio::ip::make_address(host, error);
  if (!error)
    return tcp::endpoint{address, port};
  auto resolver = tcp::resolver{io};
  const auto found = resolver.resolve(host, "", error);
  if (error || found.empty())
    return make_error(ec::unavailable, "the host '" + host + "' is not known: "
                                         + error.message());
  return tcp::endpoint{found.begin()->endpoint().address(), port};
}

std::string_view setting_of(door_kind kind) {
  return kind == door_kind::api ? "api.port" : "websocket.port";
}

std::string explain_bind(const error_code& error, door_kind kind,
                         const std::string& host, uint16_t port) {
  const auto setting = setting_of(kind);
  if (error == asio::error::address_in_use)
    return fmt::format("{} {} is in use on {}: {}; set --{}", setting, port,
                       host, error.message(), setting);
  if (error == asio::error::access_denied)
    return fmt::format("{} {} may not be bound on {}: {}; set --{} to one "
                       "above 1023",
                       setting, port, host, error.message(), setting);
  return fmt::format("{}:{} cannot be bound: {}; set --api.host and --{}", host,
                     port, error.message(), setting);
}

} // namespace

// -- accepting ---------------------------------------------------------------

awaitable<void> listener::state::accept_all() {
  const auto self = shared_from_this();
  while (acceptor.is_open()) {
    auto error = error_code{};
    auto socket = co_await acceptor.async_accept(
      asio::redirect_error(use_awaitable, error));
    if (!error)
      admit(std::move(socket));
    else if (error != asio::error::operation_aborted)
      co_await back_off(error);
  }
}

// Without descriptors or memory, accepting fails again at once; the connection
// waits in the kernel until there is room.
awaitable<void> listener::state::back_off(const error_code& error) {
  const auto lasting = error.value() == EMFILE || error.value() == ENFILE
                       || error.value() == ENOBUFS || error.value() == ENOMEM;
  if (!lasting)
    co_return;
  if (!backing_off)
    log::warn("http.no_room", {}, "connections have to wait: {}",
              error.message());
  backing_off = true;
  pause.expires_after(back_off_time);
  auto stopped = error_code{};
  co_await pause.async_wait(asio::redirect_error(use_awaitable, stopped));
}

void listener::state::admit(tcp_socket socket) {
  backing_off = false;
  if (connections >= max_connections) {
    log::debug("http.full", {}, "a connection was closed: {} are open",
               connections);
    return;
  }
  auto ignored = error_code{};
  socket.set_option(tcp::no_delay{true}, ignored);
  socket.non_blocking(true, ignored);
  auto peer = peer_of(socket);
  asio::co_spawn(context.node.io().get_executor(),
                 serve(std::move(socket), std::move(peer)), asio::detached);
}

awaitable<void> listener::state::serve(tcp_socket socket, peer_info peer) {
  const auto self = shared_from_this();
  const auto mine = place{connections};
  try {
    if (tls) {
      auto plain = co_await tls->accept(std::move(socket));
      if (!plain)
        co_return;
      auto stream = stream_type{std::move(*plain)};
      co_await serve_connection(context, kind, stream, std::move(peer));
    } else {
      auto stream = stream_type{socket_type{std::move(socket)}};
      co_await serve_connection(context, kind, stream, std::move(peer));
    }
  } catch (const std::exception& fault) {
    log::debug("http.connection_lost", {}, "{}", fault.what());
  }
}

// -- the listener ------------------------------------------------------------

listener::listener(door& context, door_kind kind,
                   std::shared_ptr<tls_front> tls)
  : state_(std::make_shared<state>(context, kind, std::move(tls))) {
}

listener::~listener() {
  stop();
}

caf::expected<uint16_t> listener::open(const std::string& host, uint16_t port) {
  const auto where = resolve(state_->context.node.io(), host, port);
  if (!where)
    return where.error();
  auto& acceptor = state_->acceptor;
  auto error = error_code{};
  acceptor.open(where->protocol(), error);
  if (!error)
    acceptor.set_option(tcp::acceptor::reuse_address{true}, error);
  if (!error && where->address().is_v6() && where->address().is_unspecified()) {
    auto ignored = error_code{};
    acceptor.set_option(asio::ip::v6_only{false}, ignored);
  }
  if (!error)
    acceptor.bind(*where, error);
  if (!error)
    acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    auto ignored = error_code{};
    acceptor.close(ignored);
    return make_error(ec::unavailable,
                      explain_bind(error, state_->kind, host, port),
                      std::string{setting_of(state_->kind)});
  }
  const auto bound = acceptor.local_endpoint(error).port();
  asio::co_spawn(acceptor.get_executor(), state_->accept_all(), asio::detached);
  return bound;
}

void listener::stop() {
  auto ignored = error_code{};
  state_->acceptor.close(ignored);
  state_->pause.cancel();
}

uint32_t listener::connections() const {
  return state_->connections;
}

} // namespace ocw::net
