#include "app/node.hpp"

#include "actors/dispatcher.hpp"
#include "actors/governor.hpp"
#include "actors/supervisor.hpp"
#include "app/machine_info.hpp"
#include "app/node_about.hpp"
#include "app/ready_file.hpp"
#include "app/state_dir.hpp"
#include "messages/log.hpp"
#include "net/auth.hpp"
#include "net/door.hpp"
#include "net/egress_proxy.hpp"
#include "net/listener.hpp"
#include "net/tls_front.hpp"
#include "process/launcher_client.hpp"
#include "process/local_machine.hpp"
#include "store/sqlite_store.hpp"

#include <boost/asio/steady_timer.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <filesystem>

// How the parts of a node are put together, and taken apart again.

namespace ocw {

namespace asio = boost::asio;

namespace {

constexpr size_t idle_shims_kept = 32;

// How often, and how many times, to look for connections that are still open.
constexpr auto closing_look = std::chrono::milliseconds{10};
constexpr int closing_looks = 50;
constexpr int last_words_looks = 5;

struct system_config : caf::actor_system_config {
  // Work sharing does not wake up when there is nothing to do; two threads,
  // because one may be inside a system call for a moment.
  system_config() {
    set("caf.scheduler.policy", "sharing");
    set("caf.scheduler.max-threads", 2u);
  }
};

} // namespace

/// Members are unmade in the reverse order: what runs on the I/O context may
/// use the door to its last moment, actors may use the machine.
struct node::parts {
  explicit parts(config from) : settings(std::move(from)) {}

  config settings;
  options how;
  state_directory state;
  store_paths paths;
  recover_jobs unfinished;
  std::string token;
  std::string url;
  std::string websocket_url;
  bool announced = false;
  std::unique_ptr<net::authenticator> auth;
  std::unique_ptr<net::node_bridge> bridge;
  std::unique_ptr<net::door> door;
  asio::io_context io{1};
  asio::steady_timer closing{io};
  std::unique_ptr<net::egress_proxy> egress; ///< null: nothing is allowed
  std::shared_ptr<launcher_client> launcher;
  std::unique_ptr<local_machine> machine;
  system_config actors_config;
  std::unique_ptr<caf::actor_system> actors;
  std::unique_ptr<job_store> store;
  dispatcher_actor dispatcher;
  std::unique_ptr<net::listener> api;
  std::unique_ptr<net::listener> websocket;

  ~parts();
  caf::error open_machine();
  caf::error open_store_and_actors();
  caf::error open_doors();
  void announce();
  void close_doors();
  void wait_for_connections(int looks_left);
};

// -- starting -----------------------------------------------------------------

caf::expected<std::unique_ptr<node>> node::start(loaded_config loaded,
                                                 options how) {
  auto what = std::make_unique<parts>(std::move(loaded.values));
  what->how = how;
  auto state = state_directory::open(what->settings.state_dir);
  if (!state)
    return std::move(state.error());
  what->state = std::move(*state);
  what->token = what->state.token();
  if (auto failed = what->open_machine())
    return failed;
  if (auto failed = what->open_store_and_actors())
    return failed;
  if (auto failed = what->open_doors())
    return failed;
  what->announce();
  return std::unique_ptr<node>{new node{std::move(what)}};
}

// The launcher first: it is forked from a process without threads.
caf::error node::parts::open_machine() {
  const auto program = find_launcher();
  if (!program)
    return program.error();
  paths = store_paths{settings.store.dir};
  if (auto failed = make_store_directories(paths))
    return failed;
  const auto setup = setup_for(settings, state.path(), paths.dir + "/spool");
  if (auto failed = make_setup_directories(setup))
    return failed;
  auto running = start_launcher(*program, setup);
  if (!running)
    return std::move(running.error());
  if (auto failed = check_found(settings, running->sandbox))
    return failed;
  log_isolation(settings, running->sandbox);
  egress = net::egress_proxy::make(io, settings.isolation);
  launcher
    = std::make_shared<launcher_client>(io, *program, setup, idle_shims_kept);
  launcher->adopt(std::move(*running));
  machine
    = std::make_unique<local_machine>(launcher, settings, paths, egress.get());
  return machine->open();
}

caf::error node::parts::open_store_and_actors() {
  auto opened = open_sqlite_store({.dir = paths.dir});
  if (!opened)
    return std::move(opened.error());
  store = std::move(*opened);
  auto left = store->unfinished();
  if (!left)
    return std::move(left.error());
  const auto here = this_machine();
  actors = std::make_unique<caf::actor_system>(actors_config);
  auto given = dispatcher_parts{};
  given.settings = std::make_shared<const config>(settings);
  given.worker = describe_worker(settings, here, launcher->sandbox());
  given.paths = paths;
  given.store = store.get();
  given.machine = machine.get();
  given.governor = actors->spawn<governor>(
    capacity_of(settings, here.cpu_cores, here.memory_mib));
  given.supervisor
    = actors->spawn<supervisor>(std::ref<session_machine>(*machine));
  unfinished.jobs = std::move(*left);
  dispatcher = actors->spawn<ocw::dispatcher>(std::move(given));
  launcher->on_state([to = dispatcher](launcher_state now) {
    caf::anon_send(to, std::move(now));
  });
  return {};
}

caf::error node::parts::open_doors() {
  auth = std::make_unique<net::authenticator>(settings, token);
  bridge = std::make_unique<net::node_bridge>(io, dispatcher);
  door = std::make_unique<net::door>(
    net::door{*bridge, settings, *auth, paths.dir});
  door->egress = egress.get();
  auto tls = std::shared_ptr<net::tls_front>{};
  if (!settings.tls.certificate.empty()) {
    auto made = net::tls_front::make(settings.tls);
    if (!made)
      return std::move(made.error());
    tls = std::move(*made);
  }
  api = std::make_unique<net::listener>(*door, net::door_kind::api, tls);
  auto port = api->open(settings.api.host, settings.api.port);
  if (!port)
    return std::move(port.error());
  url = url_for(settings, "http", *port);
  if (!settings.websocket.enabled || how.embedded)
    return {};
  websocket
    = std::make_unique<net::listener>(*door, net::door_kind::websocket, tls);
  port = websocket->open(settings.api.host, settings.websocket.port);
  if (!port)
    return std::move(port.error());
  websocket_url = url_for(settings, "ws", *port);
  return {};
}

void node::parts::announce() {
  caf::anon_send(dispatcher, std::move(unfinished));
  if (how.embedded)
    return;
  announced = true;
  write_ready_file(settings.state_dir, url, websocket_url);
  log::info("node.ready", {}, "api {} · websocket {} · sessions {} · store {}",
            url, websocket_url.empty() ? "off" : websocket_url,
            settings.session.base_dir, paths.dir);
}

// -- running and stopping -----------------------------------------------------

node::node(std::unique_ptr<parts> what) : parts_(std::move(what)) {
}

node::~node() = default;

const std::string& node::url() const {
  return parts_->url;
}

const std::string& node::token() const {
  return parts_->token;
}

void node::run() {
  auto work = asio::make_work_guard(parts_->io);
  // When the dispatcher is gone, all jobs have ended and been told of.
  parts_->dispatcher->attach_functor([what = parts_.get()] {
    asio::post(what->io, [what] { what->close_doors(); });
  });
  parts_->io.run();
}

// Whoever followed the jobs that just ended hears of it first. Then followers
// are told that the node goes; whoever does not hang up is cut off.
void node::parts::close_doors() {
  api->stop();
  if (websocket)
    websocket->stop();
  wait_for_connections(closing_looks);
}

void node::parts::wait_for_connections(int looks_left) {
  const auto open
    = api->connections() + (websocket ? websocket->connections() : 0);
  if (open == 0 || looks_left == 0)
    return io.stop();
  if (looks_left == closing_looks - last_words_looks)
    net::end_streams(*door);
  closing.expires_after(closing_look);
  closing.async_wait([this, looks_left](boost::system::error_code failed) {
    if (!failed)
      wait_for_connections(looks_left - 1);
  });
}

void node::stop() {
  log::info("node.stopping", {}, "running jobs are cancelled");
  caf::anon_send(parts_->dispatcher, drain_node{0});
}

void node::kill_jobs() {
  parts_->launcher->kill_jobs();
}

boost::asio::io_context& node::io() {
  return parts_->io;
}

// On the I/O thread, which is the only one that reads these settings.
void node::reload(const config& fresh) {
  parts_->settings = fresh;
  caf::anon_send(parts_->dispatcher,
                 settings_changed{std::make_shared<const config>(fresh)});
}

// The actors go while everything they use is there; then the store writes
// what it still has.
node::parts::~parts() {
  if (announced)
    remove_ready_file(settings.state_dir);
  api.reset();
  websocket.reset();
  if (dispatcher) {
    caf::anon_send_exit(dispatcher, caf::exit_reason::user_shutdown);
    caf::scoped_actor {
      *actors
      } -> wait_for(dispatcher);
    dispatcher = nullptr;
  }
  store.reset();
  if (bridge)
    bridge->disconnect();
  if (launcher)
    launcher->close();
  if (announced)
    log::info("node.stopped", {}, "done");
}

} // namespace ocw
