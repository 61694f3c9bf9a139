#pragma once

#include "net/auth.hpp"
#include "net/door.hpp"
#include "support/test_job.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace ocw::test {

/// Checks `condition` until it holds, for ten seconds at most.
bool eventually(const std::function<bool()>& condition);

/// The part of a node that streams: the three doors behind a real socket, an
/// I/O thread, and a dispatcher that knows the jobs it was given. Requests:
/// `/ws`, `/events/<job>`, `/logs/<job>`; what the API has in the query stands
/// in the headers From, Stream, Offset, Limit and Follow here.
class streaming_node {
public:
  explicit streaming_node(net::door_patience patience = {});

  /// Ends every connection and waits until all are gone.
  ~streaming_node();
  streaming_node(const streaming_node&) = delete;
  streaming_node& operator=(const streaming_node&) = delete;

  /// A job the node knows.
  test_job& add_job(const std::string& job_id);

  uint16_t port() const { return port_; }

  /// Change before connecting.
  config settings;

  /// What came in for jobs' standard inputs.
  std::vector<send_stdin> fed() const;

  /// Runs something on the I/O thread and waits for it.
  void on_io_thread(const std::function<void()>& run);

  /// Asks all connections to end, as a node does that stops.
  void end_streams();

  /// Connections that are open.
  size_t connections();

private:
  net::awaitable<void> accept_all();
  net::awaitable<void> serve(net::socket_type socket);
  net::awaitable<bool> answer(net::stream_type& stream,
                              const net::http_request& request);
  dispatcher_actor spawn_dispatcher();
  caf::expected<job_view> find(const std::string& job_id) const;

  temp_dir dir_;
  caf::actor_system_config cfg_;
  caf::actor_system sys_{cfg_};
  mutable std::mutex guard_;
  std::map<std::string, std::unique_ptr<test_job>> jobs_;
  std::vector<send_stdin> fed_;
  net::asio::io_context io_;
  net::asio::executor_work_guard<net::asio::io_context::executor_type> work_{
    io_.get_executor()};
  net::node_bridge bridge_;
  net::authenticator auth_;
  net::door door_;
  net::asio::ip::tcp::acceptor acceptor_;
  uint16_t port_;
  size_t connections_ = 0; // I/O thread
  std::thread thread_;
};

} // namespace ocw::test
