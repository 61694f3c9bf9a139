#pragma once

#include "net/egress_audit.hpp"
#include "net/egress_request.hpp"
#include "net/stream.hpp"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <caf/error.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace ocw::net {

using egress_socket
  = asio::basic_stream_socket<asio::ip::tcp, asio::io_context::executor_type>;

/// What the connections of one session have in common.
struct egress_context {
  const egress_rules& rules;
  egress_audit& audit;
};

/// One connection of a job to its proxy, from accept to close: a request, then
/// bytes both ways, at most 16 KiB under way in each direction. One that is
/// slow to say what it wants, or to be answered, or that is silent for five
/// minutes, is ended. I/O thread.
///
///   head ─▶ allowed? ─▶ resolve ─▶ connect ─▶ relay ─▶ close
///     └───────┴────────────┴──────────┴─▶ an answer that says why not
class egress_connection
  : public std::enable_shared_from_this<egress_connection> {
public:
  /// `place` is kept as long as this lives, and `context` lives as long.
  egress_connection(egress_socket client, egress_context context,
                    std::shared_ptr<void> place);

  /// Serves it, to its end.
  awaitable<void> run();

  /// Cuts it off, whatever it is at.
  void close();

private:
  using error_code = boost::system::error_code;
  using tcp = asio::ip::tcp;
  using clock = std::chrono::steady_clock;
  using executor_type = asio::io_context::executor_type;

  struct refusal {
    unsigned status;
    caf::error why;
  };

  awaitable<void> serve();
  awaitable<error_code> read_head();
  std::optional<refusal> explain_head(const error_code& error) const;
  awaitable<std::optional<refusal>> connect(const egress_target& to);
  awaitable<std::vector<tcp::endpoint>> resolve(const egress_target& to);
  awaitable<error_code> connect_to(const tcp::endpoint& address);
  awaitable<void> refuse(const refusal& with);

  awaitable<void> tunnel();
  awaitable<void> forward(const egress_request& request);
  awaitable<void> send_body();
  awaitable<void> pump(egress_socket& from, egress_socket& to);
  awaitable<bool> write(egress_socket& to, std::string_view bytes);

  void allow(std::chrono::seconds time);
  void watch();

  const std::shared_ptr<void> place_;
  const egress_context context_;
  egress_socket client_;
  egress_socket server_;
  asio::ip::basic_resolver<tcp, executor_type> resolver_;
  asio::basic_waitable_timer<clock, asio::wait_traits<clock>, executor_type>
    timer_;
  clock::time_point due_;
  beast::flat_buffer buffer_;
  beast::http::request_parser<beast::http::buffer_body> parser_;
  bool answered_ = false; ///< who is late from now on is cut off, not told
  bool late_ = false;
  bool closed_ = false;
  int pumps_left_ = 0;
};

} // namespace ocw::net
