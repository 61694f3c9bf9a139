#pragma once

#include "net/stream.hpp"

#include <boost/asio/basic_waitable_timer.hpp>

#include <chrono>
#include <memory>

namespace ocw::net {

/// Breaks off what a connection reads when it takes too long. Unlike the
/// stream's own timeout it leaves the connection open, so that the client can
/// be told why. I/O thread.
class read_deadline : public std::enable_shared_from_this<read_deadline> {
public:
  using clock = std::chrono::steady_clock;

  /// `stream` must be there whenever a deadline is set.
  explicit read_deadline(stream_type& stream)
    : stream_(stream), timer_(stream.get_executor()) {}

  /// What is being read at `when` ends with `operation_aborted`, unless the
  /// deadline was lifted or moved before.
  void set(clock::time_point when);
  void lift();

  /// Whether the deadline that was set last has passed.
  bool missed() const { return missed_; }

private:
  stream_type& stream_;
  asio::basic_waitable_timer<clock, asio::wait_traits<clock>,
                             asio::io_context::executor_type>
    timer_;
  bool is_set_ = false;
  bool missed_ = false;
};

} // namespace ocw::net
