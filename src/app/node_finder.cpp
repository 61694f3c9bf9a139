#include "app/node_finder.hpp"

#include "app/config_rules.hpp"
#include "app/node_answer.hpp"
#include "app/state_dir.hpp"
#include "app/whole_file.hpp"
#include "messages/json_document.hpp"
#include "ocw/errors.hpp"

namespace ocw {

namespace {

std::string variable(const config_sources& sources, const std::string& name) {
  const auto found = sources.environment.find(name);
  return found == sources.environment.end() ? std::string{} : found->second;
}

/// What a running node wrote about itself.
caf::expected<endpoint> running_node(const std::string& state_dir) {
  const auto missing = make_error(
    ec::not_found, "no node is running with the state directory '" + state_dir
                     + "'; start one with 'opencode-worker serve', or name "
                       "one with --url");
  const auto file = read_whole_file(state_dir + "/node.json");
  if (!file)
    return missing;
  const auto about = parse_json(file->bytes);
  if (!about || !about->is_object() || !about->contains("api_url")
      || !(*about)["api_url"].is_string())
    return missing;
  return parse_url((*about)["api_url"].get<std::string>());
}

/// Where a client reaches what a node listens on.
std::string reachable_host(const std::string& host) {
  if (host.empty() || host == "0.0.0.0")
    return "127.0.0.1";
  return host == "::" ? "::1" : host;
}

/// Whether a setting is from a file that merely lies where we were started.
bool is_from_here(const config_sources& sources, const loaded_config& settings,
                  const std::string& key) {
  const auto origin = settings.origins.find(key);
  return sources.file.empty() && !settings.file.starts_with('/')
         && origin != settings.origins.end()
         && origin->second.starts_with("file ");
}

/// Whoever wrote such a file, perhaps a repository that was just fetched, must
/// not have us send tokens and jobs to another machine.
caf::error distrust(const endpoint& where, const loaded_config& settings) {
  return make_error(
    ec::forbidden,
    "the file " + settings.file + " in this directory names a node on another "
      + "machine, '" + where.host + "', and it may not be yours, so nothing "
      + "is sent there; name the node with --url, or the file with --config",
    "api.host");
}

caf::expected<endpoint> node_of(const config& settings) {
  if (settings.api.port == 0)
    return running_node(settings.state_dir);
  return endpoint{!settings.tls.certificate.empty(),
                  reachable_host(settings.api.host),
                  settings.api.port,
                  {}};
}

} // namespace

caf::expected<node_choice> choose_node(const cli_values& values,
                                       const config_sources& sources,
                                       const loaded_config& settings) {
  const auto url = values.url.empty() ? variable(sources, "OPENCODE_WORKER_URL")
                                      : values.url;
  auto where = url.empty() ? node_of(settings.values) : parse_url(url);
  if (!where)
    return std::move(where.error());
  const auto strange = is_from_here(sources, settings, "api.host")
                       || is_from_here(sources, settings, "state_dir");
  if (url.empty() && strange && !is_loopback(where->host))
    return distrust(*where, settings);
  auto from
    = token_sources{.file = values.token_file,
                    .environment = variable(sources, "OPENCODE_WORKER_TOKEN"),
                    .state_dir = {}};
  if (url.empty() || is_loopback(where->host)
      || (!strange && where->host == settings.values.api.host))
    from.state_dir = settings.values.state_dir;
  auto token = read_token(from);
  // Without one the node decides; it may ask for none.
  if (!token && code_of(token.error()) != ec::not_found)
    return std::move(token.error());
  return node_choice{std::move(*where),
                     {.token = token ? std::move(*token) : std::string{},
                      .ca_file = values.ca_file},
                     !url.empty()};
}

bool is_node(const node_choice& choice) {
  auto client = http_client{choice.where, {.ca_file = choice.how.ca_file}};
  const auto health = ask_json(client, {.target = "/healthz"});
  return health && health->is_object() && health->contains("status");
}

} // namespace ocw
