#include "app/setting_types.hpp"

#include <algorithm>
#include <array>

// The one table of settings. A row is a key, where it lives in `config`, its
// range, whether SIGHUP can change it, and what it does.

namespace ocw {

namespace {

constexpr auto no_bounds = detail::bounds{};
constexpr auto fixed = false;
constexpr auto live = true;

#define OCW_SETTING(key, member, ...)                                          \
  detail::make_setting<                                                        \
    std::remove_cvref_t<decltype(std::declval<config&>().member)>>(            \
    key, [](config & c) -> auto& { return c.member; }, __VA_ARGS__)

std::vector<setting> node_settings() {
  return {
    OCW_SETTING("state_dir", state_dir, no_bounds, fixed,
                "where the node keeps its token, its lock and, by default, "
                "its store; default: $XDG_STATE_HOME/opencode-worker, else "
                "~/.local/state/opencode-worker"),
    OCW_SETTING("worker.id", worker.id, no_bounds, fixed,
                "this worker's name in results and listings; default: the "
                "host's name"),
    OCW_SETTING("worker.concurrency", worker.concurrency,
                detail::bounds{0, 100000}, fixed,
                "jobs that run at once; 0 means as many as there are cores"),
    OCW_SETTING("worker.cleanup_delay_ms", worker.cleanup_delay_ms,
                detail::bounds{0, 86400000}, fixed,
                "how long the directory of an ended session stays; never a "
                "process, nor a disk in memory"),
    OCW_SETTING("worker.labels", worker.labels, no_bounds, fixed,
                "labels that jobs' constraints are matched with; hostname, "
                "arch and gpu are always there"),
  };
}

std::vector<setting> session_settings() {
  return {
    OCW_SETTING("session.base_dir", session.base_dir, no_bounds, fixed,
                "where session directories are made; default: this one if it "
                "can be written, else sessions in the state dir"),
    OCW_SETTING("session.work_dir_name", session.work_dir_name, no_bounds,
                fixed, "name of the directory a job runs in"),
    OCW_SETTING("session.output_dir_name", session.output_dir_name, no_bounds,
                fixed, "name of the directory whose files are collected"),
    OCW_SETTING("session.max_concurrent_sessions",
                session.max_concurrent_sessions, detail::bounds{1, 100000},
                fixed,
                "sessions in any phase at once; raised to worker.concurrency "
                "when smaller"),
    OCW_SETTING("session.default_timeout_ms", session.default_timeout_ms,
                detail::bounds{1, 2592000000}, live,
                "wall time of a job that does not say; see "
                "governance.default_timeout_ms"),
    OCW_SETTING("session.max_output_size_mb", session.max_output_size_mb,
                detail::bounds{1, 65536}, live,
                "stdout and stderr together of a job that does not say"),
    OCW_SETTING("session.kill_grace_ms", session.kill_grace_ms,
                detail::bounds{0, 600000}, fixed,
                "time between TERM and KILL when a job is stopped"),
    OCW_SETTING("session.stdin_wait_ms", session.stdin_wait_ms,
                detail::bounds{0, 600000}, fixed,
                "how long a job submitted without stdin may be sent input "
                "before it reads the end of it; 0: its stdin is /dev/null"),
    OCW_SETTING("session.workspace_roots", session.workspace_roots, no_bounds,
                fixed, "directories below which a job's workspace may be"),
    OCW_SETTING("session.readonly_mounts", session.readonly_mounts, no_bounds,
                fixed,
                "directories that every session sees read-only, where they "
                "are; needs the namespace tier"),
  };
}

std::vector<setting> governance_settings() {
  return {
    OCW_SETTING("governance.default_cpu", governance.default_cpu,
                detail::bounds{0.01, 4096}, live,
                "cores of a job that does not say"),
    OCW_SETTING("governance.default_memory_mb", governance.default_memory_mb,
                detail::bounds{1, 16777216}, live,
                "memory of a job that does not say"),
    OCW_SETTING("governance.default_disk_mb", governance.default_disk_mb,
                detail::bounds{0, 1073741824}, live,
                "files of a job that does not say; 0: no limit, or "
                "governance.max_disk_mb where that is set"),
    OCW_SETTING("governance.default_pids", governance.default_pids,
                detail::bounds{0, 4194304}, live,
                "processes of a job that does not say; 0: no limit"),
    OCW_SETTING("governance.default_timeout_ms", governance.default_timeout_ms,
                detail::bounds{1, 2592000000}, live,
                "wall time of a job that does not say; of this and "
                "session.default_timeout_ms the one set nearest to the user "
                "counts, of two equals the smaller"),
    OCW_SETTING("governance.max_cpu", governance.max_cpu,
                detail::bounds{0.01, 4096}, live,
                "the most cores a job may ask for"),
    OCW_SETTING("governance.max_memory_mb", governance.max_memory_mb,
                detail::bounds{1, 16777216}, live,
                "the most memory a job may ask for"),
    OCW_SETTING("governance.max_disk_mb", governance.max_disk_mb,
                detail::bounds{0, 1073741824}, live,
                "the most that a job may ask for its files; 0: no bound"),
    OCW_SETTING("governance.max_timeout_ms", governance.max_timeout_ms,
                detail::bounds{1, 2592000000}, live,
                "the most wall time a job may ask for"),
    OCW_SETTING("governance.cpu_overcommit", governance.cpu_overcommit,
                detail::bounds{0, 1000}, fixed,
                "cores lent out, as a multiple of the machine's; 0: not "
                "counted"),
    OCW_SETTING("governance.memory_overcommit", governance.memory_overcommit,
                detail::bounds{0, 1000}, fixed,
                "memory lent out, as a multiple of the machine's; 0: not "
                "counted"),
  };
}

std::vector<setting> websocket_settings() {
  return {
    OCW_SETTING("websocket.enabled", websocket.enabled, no_bounds, fixed,
                "whether WebSocket has a port of its own besides /v1/stream"),
    OCW_SETTING("websocket.port", websocket.port, detail::bounds{0, 65535},
                fixed, "that port; 0: any free one"),
    OCW_SETTING("websocket.heartbeat_interval_ms",
                websocket.heartbeat_interval_ms, detail::bounds{100, 3600000},
                live, "time between heartbeat messages"),
    OCW_SETTING("websocket.max_clients", websocket.max_clients,
                detail::bounds{0, 1000000}, live,
                "WebSocket connections at once; further ones are closed with "
                "1013"),
    OCW_SETTING("websocket.anonymous_loopback", websocket.anonymous_loopback,
                no_bounds, fixed,
                "whether the WebSocket port lets clients on this machine in "
                "without a token"),
  };
}

std::vector<setting> logging_settings() {
  return {
    OCW_SETTING("logging.level", logging.level, no_bounds, live,
                "the least severe lines that are written"),
    OCW_SETTING("logging.format", logging.format, no_bounds, live,
                "json: one object a line; pretty: for people"),
    OCW_SETTING("logging.output", logging.output, no_bounds, live,
                "where lines go; file needs logging.log_file_path"),
    OCW_SETTING("logging.log_file_path", logging.log_file_path, no_bounds, live,
                "the file; opened again on SIGHUP"),
  };
}

std::vector<setting> api_settings() {
  return {
    OCW_SETTING("api.host", api.host, no_bounds, fixed,
                "the address to listen on; any but loopback needs TLS, or "
                "tls.terminated_upstream"),
    OCW_SETTING("api.port", api.port, detail::bounds{0, 65535}, fixed,
                "the port of the HTTP API; 0: any free one"),
    OCW_SETTING("api.cors_origin", api.cors_origin, no_bounds, live,
                "the one origin whose pages may use the API, such as "
                "https://ci.example.org; empty: none"),
    OCW_SETTING("api.rate_limit_rpm", api.rate_limit_rpm,
                detail::bounds{-1, 10000000}, live,
                "requests per token and minute; 0: no limit; -1: none on "
                "loopback, 1000 elsewhere"),
    OCW_SETTING("api.max_body_mb", api.max_body_mb, detail::bounds{1, 4096},
                fixed, "the largest request body"),
  };
}

std::vector<setting> docker_settings() {
  return {
    OCW_SETTING(
      "docker.enabled", docker.enabled, no_bounds, fixed,
      "whether sessions run in containers; not available in this version"),
    OCW_SETTING("docker.image", docker.image, no_bounds, fixed,
                "the image of such a session"),
    OCW_SETTING("docker.network", docker.network, no_bounds, fixed,
                "the network of such a session"),
    OCW_SETTING("docker.memory_limit_mb", docker.memory_limit_mb,
                detail::bounds{1, 16777216}, fixed, "memory of such a session"),
    OCW_SETTING("docker.cpu_limit", docker.cpu_limit,
                detail::bounds{0.01, 4096}, fixed, "cores of such a session"),
  };
}

std::vector<setting> security_settings() {
  return {
    OCW_SETTING("security.command_allowlist", security.command_allowlist,
                no_bounds, live,
                "programs that a checked job may run, by name"),
    OCW_SETTING(
      "security.dangerous_patterns", security.dangerous_patterns, no_bounds,
      live,
      "what a checked job may not do: the patterns of the default, which are "
      "judged by what they mean, or texts in which * is any text and ? any "
      "character"),
    OCW_SETTING("security.require_command_validation",
                security.require_command_validation, no_bounds, live,
                "whether commands are checked against these lists; auto: "
                "where the namespace tier is not in force"),
    OCW_SETTING("security.max_command_length", security.max_command_length,
                detail::bounds{1, 10000000}, live,
                "the longest command of any job, in bytes"),
    OCW_SETTING(
      "security.exec_policy", security.policy, no_bounds, fixed,
      "what a job may execute: anything, or the programs of "
      "command_allowlist as the node found them at its start; jobs are refused "
      "where that cannot be enforced. allowlist_direct takes the weaker form "
      "of tier landlock, too"),
  };
}

std::vector<setting> cluster_settings() {
  return {
    OCW_SETTING("cluster.host", cluster.host, no_bounds, fixed,
                "the address workers join at; not in use in this version, nor "
                "is the rest of this section"),
    OCW_SETTING("cluster.port", cluster.port, detail::bounds{0, 65535}, fixed,
                "the port workers join at"),
    OCW_SETTING("cluster.heartbeat_ms", cluster.heartbeat_ms,
                detail::bounds{10, 600000}, fixed,
                "time between heartbeats of a worker"),
    OCW_SETTING("cluster.dead_after_ms", cluster.dead_after_ms,
                detail::bounds{10, 3600000}, fixed,
                "silence after which a worker counts as lost"),
    OCW_SETTING("cluster.lease_ms", cluster.lease_ms,
                detail::bounds{10, 86400000}, fixed,
                "how long a worker may go on with a job alone"),
  };
}

std::vector<setting> other_settings() {
  return {
    OCW_SETTING("store.dir", store.dir, no_bounds, fixed,
                "where jobs, logs and artifacts are kept; default: "
                "store in the state dir"),
    OCW_SETTING("tls.certificate", tls.certificate, no_bounds, fixed,
                "PEM file with the certificate chain of the API; needs "
                "tls.key"),
    OCW_SETTING("tls.key", tls.key, no_bounds, fixed,
                "PEM file with its private key"),
    OCW_SETTING("tls.terminated_upstream", tls.terminated_upstream, no_bounds,
                fixed, "says that a proxy in front of this node speaks TLS"),
    OCW_SETTING("isolation.minimum", isolation.minimum, no_bounds, fixed,
                "the weakest tier of isolation this node may run jobs with; "
                "it does not start with less"),
    OCW_SETTING("isolation.disable", isolation.disable, no_bounds, fixed,
                "mechanisms not to use, by the names doctor shows; for finding "
                "out what each one holds"),
    OCW_SETTING("isolation.network_allow", isolation.network_allow, no_bounds,
                fixed,
                "where jobs with restricted network may connect to, through a "
                "proxy of the node: host:port, *.example.org:443, "
                "127.0.0.1:8080, [::1]:*; empty: nowhere"),
  };
}

#undef OCW_SETTING

} // namespace

std::span<const setting> all_settings() {
  static const auto table = [] {
    auto rows = std::vector<setting>{};
    for (const auto section :
         {node_settings, session_settings, governance_settings,
          websocket_settings, logging_settings, api_settings, docker_settings,
          security_settings, cluster_settings, other_settings})
      for (auto& row : section())
        rows.push_back(std::move(row));
    return rows;
  }();
  return table;
}

} // namespace ocw
