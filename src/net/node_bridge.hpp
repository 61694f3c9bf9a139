#pragma once

#include "net/stream.hpp"
#include "ocw/actors.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>

#include <caf/send.hpp>

#include <memory>
#include <optional>
#include <utility>

namespace ocw::net {

/// Carries a door's question to the dispatcher and its answer back to the I/O
/// thread: `auto view = co_await bridge.ask(get_job{id});`. Costs one message
/// and one post; no actor waits.
class node_bridge {
public:
  node_bridge(asio::io_context& io, dispatcher_actor dispatcher)
    : io_(io), dispatcher_(std::move(dispatcher)) {}

  /// Must be awaited on the I/O thread, and is resumed there.
  template <class Request>
  awaitable<caf::expected<typename Request::reply>> ask(Request request) {
    using result = caf::expected<typename Request::reply>;
    auto start = [this](auto handler, Request* asked) {
      // std::function wants a copyable handler; asio's are move-only.
      auto shared = std::make_shared<decltype(handler)>(std::move(handler));
      auto& io = io_;
      auto done = [shared, &io](result answer) {
        auto resume = [shared, answer = std::move(answer)]() mutable {
          std::move (*shared)(std::move(answer));
        };
        asio::post(io.get_executor(), std::move(resume));
      };
      caf::anon_send(dispatcher_,
                     ocw::ask<Request>{std::move(*asked), std::move(done)});
    };
    // A named lambda: g++ 12 destroys a temporary one twice here.
    co_return co_await asio::async_initiate<
      const asio::use_awaitable_t<asio::io_context::executor_type>,
      void(result)>(start, use_awaitable, &request);
  }

  /// Lets go of the dispatcher; nothing may be asked any more.
  void disconnect() { dispatcher_ = nullptr; }

  asio::io_context& io() { return io_; }

private:
  asio::io_context& io_;
  dispatcher_actor dispatcher_;
};

} // namespace ocw::net
