#include "app/logging.hpp"
#include "app/node.hpp"
#include "app/settings.hpp"
#include "messages/log.hpp"
#include "ocw/errors.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <fmt/format.h>

#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>

// The `serve` command: a node, and the signals it understands. And the node
// that a `run` brings along when there is none.

namespace ocw {

namespace asio = boost::asio;

namespace {

// One socket per running job, one per connection: take what the system gives.
void raise_open_files() {
  auto limit = rlimit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

/// What a signal means to a running node.
class signal_desk {
public:
  signal_desk(node& target, loaded_config running, config_sources sources)
    : node_(target),
      running_(std::move(running)),
      sources_(std::move(sources)),
      signals_(target.io(), SIGINT, SIGTERM, SIGHUP) {
    wait();
  }

private:
  void wait() {
    signals_.async_wait([this](boost::system::error_code failed, int number) {
      if (failed)
        return;
      if (number == SIGHUP)
        reload();
      else
        stop();
      wait();
    });
  }

  // The second one does not wait for jobs: their shims end them.
  void stop() {
    if (std::exchange(stopping_, true)) {
      log::warn("node.hurried", {}, "a second signal; not waiting for jobs");
      std::_Exit(130);
    }
    node_.stop();
  }

  void reload() {
    reopen_log();
    auto fresh = load_config(sources_);
    if (!fresh) {
      log::error("settings.refused", {}, "nothing was changed: {}",
                 sentence_of(fresh.error()));
      return;
    }
    const auto plan = plan_reload(running_.values, fresh->values);
    apply_live(running_.values, fresh->values);
    if (auto failed = set_up_logging(running_.values.logging))
      log::error("settings.logging_refused", {}, "the log stays as it is: {}",
                 sentence_of(failed));
    node_.reload(running_.values);
    log::info("settings.reloaded", {}, "changed: {}; only after a restart: {}",
              plan.live.empty() ? "nothing"
                                : fmt::format("{}", fmt::join(plan.live, ", ")),
              plan.restart.empty()
                ? "nothing"
                : fmt::format("{}", fmt::join(plan.restart, ", ")));
  }

  node& node_;
  loaded_config running_;
  config_sources sources_;
  asio::signal_set signals_;
  bool stopping_ = false;
};

int refuse(const caf::error& why) {
  const auto line
    = fmt::format("opencode-worker: cannot start: {}\n", sentence_of(why));
  std::fputs(line.c_str(), stderr);
  return 1;
}

} // namespace

int run_serve(const loaded_config& settings, const config_sources& sources) {
  std::signal(SIGPIPE, SIG_IGN);
  raise_open_files();
  if (auto failed = set_up_logging(settings.values.logging))
    return refuse(failed);
  auto running = node::start(settings, {});
  if (!running)
    return refuse(running.error());
  const auto desk = signal_desk{**running, settings, sources};
  (*running)->run();
  return 0;
}

// -- embedded -----------------------------------------------------------------

struct embedded_node::parts {
  std::string directory; ///< everything but sessions; gone with this object
  std::unique_ptr<node> runs;
  std::thread thread;

  ~parts() {
    if (runs) {
      runs->stop();
      thread.join();
      runs.reset();
    }
    auto ignored = std::error_code{};
    std::filesystem::remove_all(directory, ignored);
  }
};

embedded_node::embedded_node(std::unique_ptr<parts> what)
  : parts_(std::move(what)) {
}

embedded_node::~embedded_node() = default;

std::unique_ptr<embedded_node>
embedded_node::start(const loaded_config& settings) {
  std::signal(SIGPIPE, SIG_IGN);
  raise_open_files();
  auto pattern
    = std::filesystem::temp_directory_path() / "opencode-worker-XXXXXX";
  auto directory = pattern.string();
  if (!::mkdtemp(directory.data())) {
    refuse(make_error(ec::unavailable,
                      "cannot make a directory like '" + directory + "'"));
    return nullptr;
  }
  auto what = std::make_unique<parts>();
  what->directory = directory;
  auto own = settings;
  own.values.state_dir = directory;
  own.values.store.dir = directory + "/store";
  own.values.api.host = "127.0.0.1";
  own.values.api.port = 0;
  own.values.tls = {};
  auto started = node::start(std::move(own), {.embedded = true});
  if (!started) {
    refuse(started.error());
    return nullptr;
  }
  what->runs = std::move(*started);
  what->thread = std::thread{[runs = what->runs.get()] { runs->run(); }};
  return std::unique_ptr<embedded_node>{new embedded_node{std::move(what)}};
}

void embedded_node::kill_jobs() {
  parts_->runs->kill_jobs();
}

const std::string& embedded_node::url() const {
  return parts_->runs->url();
}

const std::string& embedded_node::token() const {
  return parts_->runs->token();
}

} // namespace ocw
