#pragma once

#include "net/door.hpp"
#include "net/stream.hpp"
#include "store/history.hpp"

#include <boost/asio/basic_waitable_timer.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>

namespace ocw::net {

using steady_clock = std::chrono::steady_clock;
using timer_type
  = asio::basic_waitable_timer<steady_clock, asio::wait_traits<steady_clock>,
                               asio::io_context::executor_type>;

/// Why a wait was over.
enum class wait_end : uint8_t {
  grown,    ///< what was waited for has happened; or nearly: look again
  deadline, ///< the time is up
  gone,     ///< the client has closed the connection, or the node stops
};

/// Lets one coroutine of the I/O thread wait for one job's history, without a
/// thread and without polling. Destroying it, or the coroutine that waits,
/// takes the waiter back; a wake that is under way on another thread finds
/// nothing then. The io_context must outlive every history that is waited for.
class follower {
public:
  follower(asio::io_context::executor_type executor, history_ptr follow);
  ~follower();
  follower(const follower&) = delete;
  follower& operator=(const follower&) = delete;

  /// From now on a wait also ends when the peer of `client` closes. The socket
  /// must outlive this object, and nothing else may read from it meanwhile.
  void watch(socket_type& client);

  /// Ends the wait that is on, and every later one, with `gone`.
  void give_up();

  /// Returns as soon as event `seq` exists or the job has ended.
  awaitable<wait_end> wait(uint64_t seq, steady_clock::time_point deadline);

  /// Returns as soon as the job has ended.
  awaitable<wait_end> wait_for_end(steady_clock::time_point deadline);

  bool gone() const;

private:
  struct alarm;

  std::function<void()> make_wake() const;
  awaitable<wait_end> sleep(steady_clock::time_point deadline);

  history_ptr follow_;
  std::shared_ptr<alarm> alarm_;
};

/// Keeps `end` among the enders of a door for as long as it lives.
class ender_entry {
public:
  ender_entry(door& context, std::function<void()> end);
  ~ender_entry();
  ender_entry(const ender_entry&) = delete;
  ender_entry& operator=(const ender_entry&) = delete;

private:
  door& context_;
  std::list<std::function<void()>>::iterator place_;
};

} // namespace ocw::net
