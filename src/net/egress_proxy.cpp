#include "net/egress_proxy.hpp"

#include "net/egress_connection.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>

#include <algorithm>

namespace ocw::net {

using error_code = boost::system::error_code;
using executor_type = asio::io_context::executor_type;
using asio::ip::tcp;

struct egress_proxy::shared {
  egress_rules rules;
  egress_counters counters;
};

namespace {

constexpr size_t max_connections = 64;
constexpr auto back_off_time = std::chrono::milliseconds{100};

// One session's socket and what came in on it.
class egress_session : public std::enable_shared_from_this<egress_session> {
public:
  egress_session(asio::io_context& io, std::shared_ptr<const void> keeper,
                 const egress_rules& rules, egress_counters& counters,
                 egress_door::about whom)
    : keeper_(std::move(keeper)),
      rules_(rules),
      audit_(std::move(whom), counters),
      acceptor_(io.get_executor()),
      room_(io.get_executor()) {}

  error_code open(unique_fd listener) {
    auto error = error_code{};
    acceptor_.assign(tcp::v4(), listener.get(), error);
    if (error)
      return error;
    listener.release();
    auto accepting = [self = shared_from_this()]() -> awaitable<void> {
      return self->accept_all();
    };
    asio::co_spawn(acceptor_.get_executor(), std::move(accepting),
                   asio::detached);
    return error;
  }

  void end() {
    auto ignored = error_code{};
    acceptor_.close(ignored);
    room_.cancel();
    for (const auto& each : std::exchange(open_, {}))
      if (const auto connection = each.lock())
        connection->close();
  }

private:
  awaitable<void> accept_all();
  void admit(egress_socket socket);

  // Gives a connection's room back when it is gone.
  std::shared_ptr<void> place() {
    ++taken_;
    return {this, [self = shared_from_this()](void*) {
              --self->taken_;
              self->room_.cancel();
            }};
  }

  const std::shared_ptr<const void> keeper_; // of rules and counters
  const egress_rules& rules_;
  egress_audit audit_;
  asio::basic_socket_acceptor<tcp, executor_type> acceptor_;
  asio::basic_waitable_timer<std::chrono::steady_clock,
                             asio::wait_traits<std::chrono::steady_clock>,
                             executor_type>
    room_;
  size_t taken_ = 0;
  std::vector<std::weak_ptr<egress_connection>> open_;
};

// Whoever finds no room waits in the kernel's queue: the job holds the others
// up, nobody else does. So does everybody while there are no descriptors.
awaitable<void> egress_session::accept_all() {
  const auto self = shared_from_this();
  auto pause = std::chrono::steady_clock::duration{0};
  while (acceptor_.is_open()) {
    auto error = error_code{};
    if (taken_ >= max_connections || pause.count() > 0) {
      if (pause.count() > 0)
        room_.expires_after(std::exchange(pause, {}));
      else
        room_.expires_at(std::chrono::steady_clock::time_point::max());
      co_await room_.async_wait(asio::redirect_error(use_awaitable, error));
      continue;
    }
    auto socket = co_await acceptor_.async_accept(
      asio::redirect_error(use_awaitable, error));
    // One may have come in just before the session ended.
    if (!error && acceptor_.is_open())
      admit(std::move(socket));
    else if (!error)
      socket.close(error);
    else if (error != asio::error::operation_aborted)
      pause = back_off_time;
  }
}

void egress_session::admit(egress_socket socket) {
  std::erase_if(open_, [](const auto& each) { return each.expired(); });
  auto connection = std::make_shared<egress_connection>(
    std::move(socket), egress_context{rules_, audit_}, place());
  open_.push_back(connection);
  auto serving
    = [connection]() -> awaitable<void> { return connection->run(); };
  asio::co_spawn(acceptor_.get_executor(), std::move(serving), asio::detached);
}

} // namespace

egress_proxy::egress_proxy(asio::io_context& io, egress_rules rules)
  : io_(io), shared_(std::make_shared<shared>()) {
  shared_->rules = std::move(rules);
}

std::unique_ptr<egress_proxy>
egress_proxy::make(asio::io_context& io, const isolation_config& settings) {
  auto rules = egress_rules::parse(settings.network_allow);
  if (!rules || settings.network_allow.empty())
    return nullptr;
  return std::make_unique<egress_proxy>(io, std::move(*rules));
}

egress_proxy::~egress_proxy() = default;

const egress_counters& egress_proxy::counters() const {
  return shared_->counters;
}

std::shared_ptr<void> egress_proxy::serve(unique_fd listener, about whom) {
  const auto session = std::make_shared<egress_session>(
    io_, shared_, shared_->rules, shared_->counters, whom);
  if (const auto error = session->open(std::move(listener)); error) {
    log::error("egress.broken", {whom.job_id, whom.session_id},
               "its socket cannot be served: {}", error.message());
    return nullptr;
  }
  return {session.get(), [session](void*) { session->end(); }};
}

} // namespace ocw::net
