#include "app/config_rules.hpp"
#include "launcher/mechanism_names.hpp"
#include "messages/nearest_word.hpp"
#include "net/egress_rules.hpp"
#include "ocw/errors.hpp"
#include "policy/command_policy.hpp"

#include <fmt/format.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>
#include <vector>

// What a node does not start with.

namespace ocw {

namespace {

caf::error refused(std::string sentence, std::string key) {
  return make_error(ec::invalid_request, std::move(sentence), std::move(key));
}

// -- contradictions -----------------------------------------------------------

template <class T>
caf::error over(const loaded_config& loaded, std::string_view what, T value,
                T most) {
  if (value <= most)
    return {};
  const auto default_key = fmt::format("governance.default_{}", what);
  const auto max_key = fmt::format("governance.max_{}", what);
  return refused(fmt::format("{} is {} ({}), over {}, which is {} ({}); lower "
                             "the one or raise the other",
                             default_key, value, loaded.origins.at(default_key),
                             max_key, most, loaded.origins.at(max_key)),
                 default_key);
}

caf::error check_defaults(const loaded_config& loaded) {
  const auto& rules = loaded.values.governance;
  if (auto wrong = over(loaded, "cpu", rules.default_cpu, rules.max_cpu))
    return wrong;
  if (auto wrong
      = over(loaded, "memory_mb", rules.default_memory_mb, rules.max_memory_mb))
    return wrong;
  if (rules.max_disk_mb != 0)
    if (auto wrong
        = over(loaded, "disk_mb", rules.default_disk_mb, rules.max_disk_mb))
      return wrong;
  return over(loaded, "timeout_ms", rules.default_timeout_ms,
              rules.max_timeout_ms);
}

bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= 64
         && name.find('/') == std::string_view::npos && name.front() != '.'
         && name != "opencode.json" && name != "tmp";
}

caf::error check_names(const config& values) {
  const auto& session = values.session;
  for (const auto& [key, name] :
       {std::pair{"session.work_dir_name", &session.work_dir_name},
        std::pair{"session.output_dir_name", &session.output_dir_name}})
    if (!is_plain_name(*name))
      return refused(fmt::format("{} is '{}', but must be a plain name of at "
                                 "most 64 bytes other than tmp and "
                                 "opencode.json",
                                 key, *name),
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

bool is_plain_path(std::string_view path) {
  return path.starts_with('/')
         && fmt::format("{}/", path).find("/../") == std::string::npos;
}

caf::error check_paths(const config& values) {
  const auto& session = values.session;
  const struct {
    const char* key;
    const std::vector<std::string>& paths;
  } rows[] = {{"session.workspace_roots", session.workspace_roots},
              {"session.readonly_mounts", session.readonly_mounts}};
  for (const auto& [key, paths] : rows)
    for (const auto& path : paths)
      if (!is_plain_path(path))
        return refused(fmt::format("{} has '{}', but must hold absolute paths "
                                   "without ..",
                                   key, path),
                       key);
  if (values.session.base_dir.empty())
    return refused("session.base_dir is empty, but must name a directory",
                   "session.base_dir");
  return {};
}

// A name that is none would leave on what was to be off.
caf::error check_mechanisms(const isolation_config& isolation) {
  auto known = std::vector<std::string_view>{};
  for (const auto& each : launcher::mechanism_names)
    known.push_back(each.name);
  for (const auto& name : isolation.disable)
    if (std::find(known.begin(), known.end(), name) == known.end())
      return refused(fmt::format("isolation.disable has '{}', but the "
                                 "mechanisms are {}",
                                 name, joined(known)),
                     "isolation.disable");
  return {};
}

caf::error check_api(const config& values) {
  if (values.api.host.empty())
    return refused("api.host is empty, but must be an address such as "
                   "127.0.0.1",
                   "api.host");
  if (values.websocket.enabled && values.api.port != 0
      && values.api.port == values.websocket.port)
    return refused(fmt::format("api.port and websocket.port are both {}; "
                               "change one, or set websocket.enabled to false "
                               "(api.port serves WebSocket at /v1/stream, too)",
                               values.api.port),
                   "websocket.port");
  const auto& origin = values.api.cors_origin;
  const auto scheme = origin.find("://");
  if (!origin.empty()
      && ((!origin.starts_with("http://") && !origin.starts_with("https://"))
          || origin.find_first_of("/*, ", scheme + 3) != std::string::npos
          || origin.size() <= scheme + 3))
    return refused(fmt::format("api.cors_origin is '{}', but must be empty or "
                               "one origin such as https://ci.example.org, "
                               "without a path and without *",
                               origin),
                   "api.cors_origin");
  return {};
}

// -- safety -------------------------------------------------------------------

caf::error check_tls(const tls_config& tls) {
  if (tls.certificate.empty() != tls.key.empty())
    return refused("tls.certificate and tls.key are of use only together",
                   tls.key.empty() ? "tls.key" : "tls.certificate");
  for (const auto& [key, path] : {std::pair{"tls.certificate", tls.certificate},
                                  std::pair{"tls.key", tls.key}}) {
    if (path.empty())
      continue;
    struct stat found = {};
    if (::stat(path.c_str(), &found) != 0 || ::access(path.c_str(), R_OK) != 0)
      return refused(fmt::format("{}: '{}' cannot be read: {}", key, path,
                                 std::generic_category().message(errno)),
                     key);
    if (S_ISDIR(found.st_mode))
      return refused(fmt::format("{}: '{}' is a directory", key, path), key);
  }
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
                "  --api.host=127.0.0.1                           "
                "(only this machine)\n"
                "  --tls.certificate=CHAIN.pem --tls.key=KEY.pem  "
                "(this node speaks TLS)\n"
                "  --tls.terminated_upstream=true                 "
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
  };
  for (const auto& row : rows)
    if (row.wanted)
      return refused(fmt::format("{}: {}", row.key, row.instead), row.key);
  return {};
}

} // namespace

caf::error check_rules(const loaded_config& loaded) {
  const auto& values = loaded.values;
  if (auto wrong = check_defaults(loaded))
    return wrong;
  if (auto wrong = check_names(values))
    return wrong;
  if (auto wrong = check_paths(values))
    return wrong;
  if (auto wrong = check_mechanisms(values.isolation))
    return wrong;
  if (auto rules = net::egress_rules::parse(values.isolation.network_allow);
      !rules)
    return std::move(rules.error());
  if (auto wrong = check_api(values))
    return wrong;
  if (auto wrong = policy::check_settings(values.security))
    return wrong;
  if (auto wrong = check_tls(values.tls))
    return wrong;
  if (auto wrong = check_exposure(values))
    return wrong;
  return check_version(values);
}

} // namespace ocw
