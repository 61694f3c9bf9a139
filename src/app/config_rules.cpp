#include "app/config_rules.hpp"

#include "app/machine_info.hpp"
#include "ocw/errors.hpp"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

namespace ocw {

namespace {

namespace fs = std::filesystem;

caf::error refused(std::string sentence, std::string key) {
  return make_error(ec::invalid_request, std::move(sentence), std::move(key));
}

bool is_default(const loaded_config& loaded, const std::string& key) {
  return loaded.origins.at(key) == "default";
}

// How near to the user a value was set.
int rank_of(const std::string& origin) {
  return origin == "command line"            ? 3
         : origin.starts_with("environment") ? 2
         : origin.starts_with("file")        ? 1
                                             : 0;
}

// -- defaults that depend on the machine --------------------------------------

std::string default_state_dir(
  const std::map<std::string, std::string>& environment) {
  const auto xdg = environment.find("XDG_STATE_HOME");
  if (xdg != environment.end() && !xdg->second.empty())
    return xdg->second + "/opencode-worker";
  const auto home = environment.find("HOME");
  if (home != environment.end() && !home->second.empty())
    return home->second + "/.local/state/opencode-worker";
  return "/var/lib/opencode-worker";
}

// Whether a directory is there and can be written, or can be made.
bool can_use(const fs::path& directory) {
  for (auto path = directory; !path.empty(); path = path.parent_path()) {
    auto failed = std::error_code{};
    if (fs::exists(path, failed))
      return fs::is_directory(path, failed)
             && ::access(path.c_str(), W_OK | X_OK) == 0;
    if (path == path.parent_path())
      break;
  }
  return false;
}

void fill_in(loaded_config& loaded,
             const std::map<std::string, std::string>& environment) {
  auto& values = loaded.values;
  const auto here = this_machine();
  if (values.state_dir.empty())
    values.state_dir = default_state_dir(environment);
  values.state_dir = fs::absolute(values.state_dir).lexically_normal();
  if (values.store.dir.empty())
    values.store.dir = values.state_dir + "/store";
  values.store.dir = fs::absolute(values.store.dir).lexically_normal();
  if (is_default(loaded, "session.base_dir")
      && !can_use(values.session.base_dir))
    values.session.base_dir = values.state_dir + "/sessions";
  values.session.base_dir
    = fs::absolute(values.session.base_dir).lexically_normal();
  if (values.worker.id.empty())
    values.worker.id = here.hostname.empty() ? "worker" : here.hostname;
  if (values.worker.concurrency == 0)
    values.worker.concurrency
      = std::max(1u, static_cast<uint32_t>(here.cpu_cores));
  values.session.max_concurrent_sessions = std::max(
    values.session.max_concurrent_sessions, values.worker.concurrency);
}

void settle_timeout(loaded_config& loaded) {
  auto& session = loaded.values.session.default_timeout_ms;
  auto& governance = loaded.values.governance.default_timeout_ms;
  const auto session_rank
    = rank_of(loaded.origins.at("session.default_timeout_ms"));
  const auto governance_rank
    = rank_of(loaded.origins.at("governance.default_timeout_ms"));
  const auto chosen = session_rank > governance_rank   ? session
                      : governance_rank > session_rank ? governance
                                                       : std::min(session,
                                                                  governance);
  session = governance = chosen;
}

// -- contradictions -----------------------------------------------------------

template <class T>
caf::error over(const char* default_key, T value, const char* max_key, T max) {
  if (value <= max)
    return {};
  return refused(fmt::format("{} is {}, over {} ({})", default_key, value,
                             max_key, max),
                 default_key);
}

caf::error check_defaults(const governance_config& rules) {
  if (auto wrong = over("governance.default_cpu", rules.default_cpu,
                        "governance.max_cpu", rules.max_cpu))
    return wrong;
  if (auto wrong
      = over("governance.default_memory_mb", rules.default_memory_mb,
             "governance.max_memory_mb", rules.max_memory_mb))
    return wrong;
  return over("governance.default_timeout_ms", rules.default_timeout_ms,
              "governance.max_timeout_ms", rules.max_timeout_ms);
}

bool is_plain_name(const std::string& name) {
  return !name.empty() && name.find('/') == std::string::npos
         && name.front() != '.' && name != "opencode.json" && name != "tmp";
}

caf::error check_names(const config& values) {
  const auto& session = values.session;
  for (const auto& [key, name] :
       {std::pair{"session.work_dir_name", session.work_dir_name},
        std::pair{"session.output_dir_name", session.output_dir_name}})
    if (!is_plain_name(name))
      return refused(fmt::format("{} is '{}', but must be a plain name other "
                                 "than tmp and opencode.json",
                                 key, name),
                     key);
  if (session.work_dir_name == session.output_dir_name)
    return refused("session.work_dir_name and session.output_dir_name must "
                   "differ",
                   "session.output_dir_name");
  if (values.logging.output == log_output::to_file
      && values.logging.log_file_path.empty())
    return refused("logging.output is file, so logging.log_file_path must "
                   "name one",
                   "logging.log_file_path");
  return {};
}

caf::error check_tls(const tls_config& tls) {
  if (tls.certificate.empty() != tls.key.empty())
    return refused("tls.certificate and tls.key are of use only together",
                   tls.key.empty() ? "tls.key" : "tls.certificate");
  for (const auto& [key, path] : {std::pair{"tls.certificate", tls.certificate},
                                  std::pair{"tls.key", tls.key}})
    if (!path.empty() && ::access(path.c_str(), R_OK) != 0)
      return refused(fmt::format("{}: '{}' cannot be read", key, path), key);
  return {};
}

// The API runs commands for whoever gets in, so what others can reach is
// encrypted, or the node does not start.
caf::error check_exposure(const config& values) {
  if (is_loopback(values.api.host) || !values.tls.certificate.empty()
      || values.tls.terminated_upstream)
    return {};
  return refused(
    fmt::format("api.host is '{}', which other machines can reach, but there "
                "is no TLS. One of these three fixes it:\n"
                "  --api.host=127.0.0.1                      "
                "(only this machine)\n"
                "  --tls.certificate=CHAIN.pem --tls.key=KEY.pem\n"
                "  --tls.terminated_upstream=true            "
                "(a proxy in front speaks TLS)",
                values.api.host),
    "api.host");
}

// -- what this version cannot do ----------------------------------------------

caf::error check_version(const config& values) {
  const struct {
    bool wanted;
    const char* key;
    const char* instead;
  } rows[] = {
    {values.docker.enabled, "docker.enabled",
     "sessions in containers are not available in this version; leave it "
     "false"},
    {values.isolation.minimum != isolation_tier::process, "isolation.minimum",
     "this version's sessions are of tier process; set it to process"},
    {values.security.require_command_validation == validation_mode::always,
     "security.require_command_validation",
     "commands are not validated in this version; leave it at auto"},
    {values.security.policy != exec_policy::any, "security.exec_policy",
     "what a job executes is not restricted in this version; leave it at any"},
    {!values.session.readonly_mounts.empty(), "session.readonly_mounts",
     "mounts need the namespace tier, which is not available in this version; "
     "leave it empty"},
  };
  for (const auto& row : rows)
    if (row.wanted)
      return refused(fmt::format("{}: {}", row.key, row.instead), row.key);
  return {};
}

} // namespace

bool is_loopback(const std::string& host) {
  if (host == "localhost")
    return true;
  auto v4 = in_addr{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1)
    return (ntohl(v4.s_addr) >> 24) == 127;
  auto v6 = in6_addr{};
  return ::inet_pton(AF_INET6, host.c_str(), &v6) == 1
         && IN6_IS_ADDR_LOOPBACK(&v6);
}

caf::error apply_rules(loaded_config& loaded,
                       const std::map<std::string, std::string>& environment) {
  fill_in(loaded, environment);
  settle_timeout(loaded);
  const auto& values = loaded.values;
  if (auto wrong = check_defaults(values.governance))
    return wrong;
  if (auto wrong = check_names(values))
    return wrong;
  if (auto wrong = check_tls(values.tls))
    return wrong;
  if (auto wrong = check_exposure(values))
    return wrong;
  return check_version(values);
}

} // namespace ocw
