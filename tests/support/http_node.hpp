#pragma once

#include "net/auth.hpp"
#include "net/door.hpp"
#include "net/listener.hpp"
#include "support/test_job.hpp"

#include <boost/asio/executor_work_guard.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace ocw::test {

/// The HTTP door of a node on a free port of 127.0.0.1, before a dispatcher
/// that says what the test tells it to. The token is `the-token`.
class http_node {
public:
  explicit http_node(std::function<void(config&)> adjust = {},
                     net::door_kind kind = net::door_kind::api,
                     net::door_patience patience = {});
  ~http_node();
  http_node(const http_node&) = delete;
  http_node& operator=(const http_node&) = delete;

  uint16_t port() const { return port_; }
  std::filesystem::path store_dir() const { return dir_.path(); }

  /// A job the dispatcher knows from now on.
  void put(job_record record, history_ptr follow = {});

  /// What a submission is answered with; else it creates a pending job.
  std::function<caf::expected<job_view>(const submit_job&)> on_submit;

  /// What get_node says.
  node_report report;

  /// What came in.
  std::vector<cancel_job> cancels() const;
  std::vector<send_stdin> stdins() const;

  /// A directory for jobs' spools.
  const temp_dir& dir() const { return dir_; }

  uint32_t connections();

private:
  dispatcher_actor spawn_dispatcher();
  caf::expected<job_view> find(const std::string& job_id) const;
  caf::expected<job_view> submit(const submit_job& x);

  temp_dir dir_;
  config settings_;
  caf::actor_system_config cfg_;
  caf::actor_system sys_{cfg_};
  mutable std::mutex guard_;
  std::map<std::string, job_view> jobs_;
  std::vector<cancel_job> cancels_;
  std::vector<send_stdin> stdins_;
  // Connections use these until the context is gone.
  std::optional<net::authenticator> auth_;
  std::optional<net::door> door_;
  net::asio::io_context io_;
  net::asio::executor_work_guard<net::asio::io_context::executor_type> work_;
  net::node_bridge bridge_;
  std::optional<net::listener> listener_;
  uint16_t port_ = 0;
  std::thread thread_;
};

} // namespace ocw::test
