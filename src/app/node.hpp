#pragma once

#include "app/config_loader.hpp"
#include "ocw/config.hpp"

#include <caf/expected.hpp>

#include <boost/asio/io_context.hpp>

#include <memory>
#include <string>

namespace ocw {

/// A whole node in this process: launcher, store, actors and doors. Made once
/// per process, on its main thread, before there are others.
class node {
public:
  struct options {
    bool embedded = false; ///< for one `run`: free loopback port, no files left
  };

  /// Starts everything and returns when jobs can be taken. The error says
  /// which setting is in the way and what to do about it.
  static caf::expected<std::unique_ptr<node>> start(loaded_config settings,
                                                    options how);
  ~node();

  const std::string& url() const;   ///< of the HTTP door
  const std::string& token() const; ///< what clients must show

  /// Runs the I/O of the node on this thread until `stop` has finished.
  void run();

  /// Begins to stop: no new jobs, running ones are cancelled, and when they
  /// have ended `run` returns. Any thread.
  void stop();

  /// Kills what runs, without a grace. Any thread.
  void kill_jobs();

  /// What `run` runs, for signals and timers of the caller.
  boost::asio::io_context& io();

  /// Takes settings that can change while the node runs. On the I/O thread.
  void reload(const config& fresh);

private:
  struct parts;
  explicit node(std::unique_ptr<parts> what);
  std::unique_ptr<parts> parts_;
};

/// `opencode-worker serve`: runs a node until SIGTERM or SIGINT; SIGHUP reads
/// the settings again. Returns the exit code.
int run_serve(const loaded_config& settings, const config_sources& sources);

/// A node for one `run`, on a thread of its own.
class embedded_node {
public:
  /// Null, with the reason on standard error, when it cannot start.
  static std::unique_ptr<embedded_node> start(const loaded_config& settings);
  ~embedded_node();

  const std::string& url() const;
  const std::string& token() const;

  /// Kills what runs, without a grace. Any thread.
  void kill_jobs();

private:
  struct parts;
  explicit embedded_node(std::unique_ptr<parts> what);
  std::unique_ptr<parts> parts_;
};

} // namespace ocw
