#include "app/config_rules.hpp"

#include "app/machine_info.hpp"
#include "ocw/errors.hpp"

#include <arpa/inet.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

namespace ocw {

namespace {

namespace fs = std::filesystem;

using variables = std::map<std::string, std::string>;

// How near to the user a value was set.
int rank_of(const std::string& origin) {
  return origin.starts_with("command line")  ? 3
         : origin.starts_with("environment") ? 2
         : origin.starts_with("file")        ? 1
                                             : 0;
}

void absolute(std::string& path) {
  if (!path.empty())
    path = fs::absolute(path).lexically_normal();
}

// -- defaults that depend on the machine --------------------------------------

std::string default_state_dir(const variables& environment) {
  // Its specification: a relative path is to be ignored.
  const auto xdg = environment.find("XDG_STATE_HOME");
  if (xdg != environment.end() && xdg->second.starts_with('/'))
    return xdg->second + "/opencode-worker";
  const auto home = environment.find("HOME");
  if (home != environment.end() && !home->second.empty())
    return home->second + "/.local/state/opencode-worker";
  // A system service has no home.
  return "/var/lib/opencode-worker";
}

/// The built-in place, unless it cannot be written and nobody insisted on it.
/// A file that holds all defaults says nothing about this one either.
void settle_base_dir(loaded_config& loaded) {
  auto& base_dir = loaded.values.session.base_dir;
  const auto& origin = loaded.origins.at("session.base_dir");
  if (rank_of(origin) > 1 || base_dir != session_config{}.base_dir
      || can_make_directory(base_dir))
    return;
  base_dir = loaded.values.state_dir + "/sessions";
}

void fill_in(loaded_config& loaded, const variables& environment) {
  auto& values = loaded.values;
  const auto here = this_machine();
  if (values.state_dir.empty())
    values.state_dir = default_state_dir(environment);
  absolute(values.state_dir);
  if (values.store.dir.empty())
    values.store.dir = values.state_dir + "/store";
  settle_base_dir(loaded);
  for (auto* path :
       {&values.store.dir, &values.session.base_dir, &values.tls.certificate,
        &values.tls.key, &values.logging.log_file_path})
    absolute(*path);
  if (values.worker.id.empty())
    values.worker.id = here.hostname.empty() ? "worker" : here.hostname;
  if (values.worker.concurrency == 0) {
    values.worker.concurrency
      = std::max(1u, static_cast<uint32_t>(here.cpu_cores));
    loaded.origins.at("worker.concurrency") += ", the number of cores";
  }
  if (values.session.max_concurrent_sessions < values.worker.concurrency) {
    values.session.max_concurrent_sessions = values.worker.concurrency;
    loaded.origins.at("session.max_concurrent_sessions")
      += ", raised to worker.concurrency";
  }
}

/// Of two settings for the same thing the one nearest to the user, of two
/// equals the smaller.
void settle_timeout(loaded_config& loaded) {
  auto& session = loaded.values.session.default_timeout_ms;
  auto& governance = loaded.values.governance.default_timeout_ms;
  auto& session_origin = loaded.origins.at("session.default_timeout_ms");
  auto& governance_origin = loaded.origins.at("governance.default_timeout_ms");
  const auto lead = rank_of(session_origin) - rank_of(governance_origin);
  if (session == governance)
    return;
  if (lead > 0 || (lead == 0 && session < governance)) {
    governance = session;
    governance_origin = session_origin + ", by session.default_timeout_ms";
  } else {
    session = governance;
    session_origin = governance_origin + ", by governance.default_timeout_ms";
  }
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

bool can_make_directory(const std::string& directory) {
  for (auto path = fs::path{directory}; !path.empty();
       path = path.parent_path()) {
    auto failed = std::error_code{};
    if (fs::exists(fs::symlink_status(path, failed)))
      return fs::is_directory(path, failed)
             && ::access(path.c_str(), W_OK | X_OK) == 0;
    if (path == path.parent_path())
      break;
  }
  return false;
}

caf::error apply_rules(loaded_config& loaded, const variables& environment) {
  try {
    fill_in(loaded, environment);
    settle_timeout(loaded);
  } catch (const fs::filesystem_error& err) {
    // The working directory was deleted, and a path is relative to it.
    return make_error(ec::invalid_request, err.what());
  }
  return check_rules(loaded);
}

} // namespace ocw
