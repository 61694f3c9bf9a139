#pragma once

#include "ocw/defaults.hpp"
#include "ocw/enums.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ocw {

// Every setting of a node, with its default. The same defaults stand in
// config/opencode-worker.json; a test compares the two. Ranges, sentences and
// what can change on SIGHUP are in src/app/settings.cpp.

enum class log_level : uint8_t { trace, debug, info, warn, error };
template <>
inline constexpr auto enum_words<log_level> = std::to_array<std::string_view>(
  {"trace", "debug", "info", "warn", "error"});

enum class log_format : uint8_t { json, pretty };
template <>
inline constexpr auto
  enum_words<log_format> = std::to_array<std::string_view>({"json", "pretty"});

enum class log_output : uint8_t { to_stdout, to_stderr, to_file };
template <>
inline constexpr auto enum_words<log_output> = std::to_array<std::string_view>(
  {"stdout", "stderr", "file"});

enum class validation_mode : uint8_t { automatic, always, never };
template <>
inline constexpr auto
  enum_words<validation_mode> = std::to_array<std::string_view>({"auto", "true",
                                                                 "false"});

/// What a job may execute: anything, or the programs of a list. The last means
/// that what can only be held where they are executed directly will do, too.
enum class exec_policy : uint8_t { any, allowlist, allowlist_direct };
template <>
inline constexpr auto enum_words<exec_policy> = std::to_array<std::string_view>(
  {"any", "allowlist", "allowlist_direct"});

/// The tiers of isolation, weakest first.
enum class isolation_tier : uint8_t {
  process,
  landlock,
  name_space,
  container
};
template <>
inline constexpr auto
  enum_words<isolation_tier> = std::to_array<std::string_view>(
    {"process", "landlock", "namespace", "container"});

struct worker_config {
  std::string id;           ///< empty: the host's name
  uint32_t concurrency = 4; ///< jobs in EXECUTE at once; 0 = as many as cores
  uint64_t cleanup_delay_ms
    = 0; ///< how long an ended session's directory stays
  std::map<std::string, std::string> labels; ///< for jobs' constraints
};

struct session_config {
  std::string base_dir = "/opt/opencode/sessions";
  std::string work_dir_name = "work";
  std::string output_dir_name = "output";
  uint32_t max_concurrent_sessions = 10; ///< in any phase
  uint64_t default_timeout_ms = 300000;
  uint64_t max_output_size_mb = 10;
  uint64_t kill_grace_ms = 2000; ///< between TERM and KILL
  uint64_t stdin_wait_ms = 2000; ///< a job submitted without stdin may be sent
                                 ///< input this long; then it reads EOF
  std::vector<std::string> workspace_roots; ///< where `workspace` may point
  std::vector<std::string> readonly_mounts;
};

struct governance_config {
  double default_cpu = 2;
  uint64_t default_memory_mb = 2048;
  uint64_t default_disk_mb = 0; ///< 0 = no limit
  uint32_t default_pids = 4096; ///< 0 = no limit
  uint64_t default_timeout_ms = 300000;
  double max_cpu = 8;
  uint64_t max_memory_mb = 8192;
  uint64_t max_disk_mb = 0; ///< 0 = no bound
  uint64_t max_timeout_ms = 600000;
  double cpu_overcommit = 4;      ///< × the machine's cores; 0 = not counted
  double memory_overcommit = 1.5; ///< × the machine's memory; 0 = not counted
};

struct websocket_config {
  bool enabled = true;
  uint16_t port = 8080; ///< 0 = any free port
  uint64_t heartbeat_interval_ms = 30000;
  uint32_t max_clients = 100;
  bool anonymous_loopback = false;
};

struct logging_config {
  log_level level = log_level::info;
  log_format format = log_format::json;
  log_output output = log_output::to_stdout;
  std::string log_file_path;
};

struct api_config {
  std::string host = "127.0.0.1";
  uint16_t port = 3000; ///< 0 = any free port
  std::string cors_origin;
  int64_t rate_limit_rpm = -1; ///< per token and minute; 0 = off; -1 = off on
                               ///< loopback, 1000 elsewhere
  uint64_t max_body_mb = 64;
};

struct docker_config {
  bool enabled = false;
  std::string image = "opencode-worker:latest";
  std::string network = "bridge";
  uint64_t memory_limit_mb = 2048;
  double cpu_limit = 2;
};

struct security_config {
  std::vector<std::string> command_allowlist = defaults::command_allowlist();
  std::vector<std::string> dangerous_patterns = defaults::dangerous_patterns();
  validation_mode require_command_validation = validation_mode::automatic;
  uint64_t max_command_length = 10000;
  exec_policy policy = exec_policy::any;
};

struct cluster_config {
  std::string host = "127.0.0.1";
  uint16_t port = 4240;
  uint64_t heartbeat_ms = 1000;
  uint64_t dead_after_ms = 4000;
  uint64_t lease_ms = 15000;
};

struct store_config {
  std::string dir; ///< empty: `<state_dir>/store`
};

struct tls_config {
  std::string certificate;          ///< PEM chain; both or neither
  std::string key;                  ///< PEM
  bool terminated_upstream = false; ///< a proxy in front speaks TLS
};

struct isolation_config {
  isolation_tier minimum = isolation_tier::process;
  std::vector<std::string> disable;       ///< mechanisms not to use; for tests
  std::vector<std::string> network_allow; ///< "host:port", for restricted jobs
};

/// All settings of a node, effective: after every source was applied.
struct config {
  std::string state_dir; ///< empty: as XDG says
  worker_config worker;
  session_config session;
  governance_config governance;
  websocket_config websocket;
  logging_config logging;
  api_config api;
  docker_config docker;
  security_config security;
  cluster_config cluster;
  store_config store;
  tls_config tls;
  isolation_config isolation;
};

} // namespace ocw
