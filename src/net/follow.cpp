#include "net/follow.hpp"

#include <boost/asio/dispatch.hpp>
#include <boost/asio/redirect_error.hpp>

#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace ocw::net {

// -- what a wake finds --------------------------------------------------------

/// The part that wakes and socket events hold weakly. I/O thread only.
struct follower::alarm : std::enable_shared_from_this<follower::alarm> {
  explicit alarm(asio::io_context::executor_type executor) : timer(executor) {}

  void ring(bool& why) {
    why = true;
    timer.cancel();
  }

  // Waits until the socket is readable: then the peer has closed it, or has
  // sent its next request already.
  void look_out() {
    auto looked = [weak = weak_from_this()](boost::system::error_code error) {
      auto self = weak.lock();
      if (!self || error == asio::error::operation_aborted)
        return;
      self->look();
    };
    client->async_wait(socket_type::wait_read, std::move(looked));
  }

  void look() {
    auto byte = char{};
    const auto n
      = ::recv(client->native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
      ring(gone);
    else if (n < 0)
      look_out();
    // Else a request waits there. It would make the socket readable for ever,
    // so from now on only a failing write tells that the client is gone.
  }

  timer_type timer;
  socket_type* client = nullptr;
  bool grown = false;
  bool gone = false;
};

// -- follower -----------------------------------------------------------------

follower::follower(asio::io_context::executor_type executor, history_ptr follow)
  : follow_(std::move(follow)), alarm_(std::make_shared<alarm>(executor)) {
}

follower::~follower() {
  auto ignored = boost::system::error_code{};
  if (alarm_->client)
    alarm_->client->cancel(ignored);
}

void follower::watch(socket_type& client) {
  alarm_->client = &client;
  alarm_->look_out();
}

void follower::give_up() {
  alarm_->ring(alarm_->gone);
}

bool follower::gone() const {
  return alarm_->gone;
}

awaitable<wait_end> follower::wait(uint64_t seq,
                                   steady_clock::time_point deadline) {
  alarm_->grown = false;
  const auto ticket = follow_->wake_at(seq, make_wake());
  co_return co_await sleep(deadline);
}

awaitable<wait_end> follower::wait_for_end(steady_clock::time_point deadline) {
  alarm_->grown = false;
  const auto ticket = follow_->wake_at_end(make_wake());
  co_return co_await sleep(deadline);
}

// A wake comes from any thread, on this one even from inside `wake_at`: before
// the sleep then, which does not begin.
std::function<void()> follower::make_wake() const {
  auto executor = alarm_->timer.get_executor();
  return [executor, weak = std::weak_ptr{alarm_}] {
    auto ring = [weak] {
      if (auto self = weak.lock())
        self->ring(self->grown);
    };
    asio::dispatch(executor, std::move(ring));
  };
}

awaitable<wait_end> follower::sleep(steady_clock::time_point deadline) {
  auto error = boost::system::error_code{};
  if (!alarm_->gone && !alarm_->grown) {
    alarm_->timer.expires_at(deadline);
    co_await alarm_->timer.async_wait(
      asio::redirect_error(use_awaitable, error));
  }
  if (alarm_->gone)
    co_return wait_end::gone;
  co_return alarm_->grown || error ? wait_end::grown : wait_end::deadline;
}

// -- ending -------------------------------------------------------------------

ender_entry::ender_entry(door& context, std::function<void()> end)
  : context_(context),
    place_(context.enders.insert(context.enders.end(), std::move(end))) {
}

ender_entry::~ender_entry() {
  context_.enders.erase(place_);
}

void end_streams(door& context) {
  // An ender may take its own entry out.
  for (const auto& end : std::list{context.enders})
    end();
}

} // namespace ocw::net
