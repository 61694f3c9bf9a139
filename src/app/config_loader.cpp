#include "app/config_loader.hpp"

#include "app/config_file.hpp"
#include "app/config_rules.hpp"
#include "app/settings.hpp"
#include "ocw/errors.hpp"

#include <fmt/format.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>

namespace ocw {

namespace {

constexpr std::string_view variable_prefix = "OPENCODE_WORKER_";

/// The variables that the command line reads for its own use.
bool is_for_clients(std::string_view name) {
  return name == "OPENCODE_WORKER_TOKEN" || name == "OPENCODE_WORKER_URL";
}

/// Kubernetes tells every pod of a service named opencode-worker where it is,
/// in variables that look like ours.
bool is_of_kubernetes(std::string_view name, std::string_view value) {
  name.remove_prefix(variable_prefix.size());
  return name.starts_with("SERVICE_HOST") || name.starts_with("SERVICE_PORT")
         || (name.starts_with("PORT")
             && (value.find("://") != std::string_view::npos
                 || (name.size() > 5 && std::isdigit(name[5]) != 0)));
}

const setting* row_of_variable(std::string_view name) {
  const auto rows = all_settings();
  const auto found
    = std::find_if(rows.begin(), rows.end(), [=](const setting& row) {
        return environment_name(row.key) == name;
      });
  return found == rows.end() ? nullptr : &*found;
}

/// The value is not part of it: a mistyped OPENCODE_WORKER_TOKEN has one, too.
caf::error unknown_variable(const std::string& name) {
  auto known
    = std::vector<std::string>{"OPENCODE_WORKER_TOKEN", "OPENCODE_WORKER_URL"};
  for (const auto& row : all_settings())
    known.push_back(environment_name(row.key));
  // The prefix is the same, and would make everything look alike.
  auto words = std::vector<std::string_view>{};
  for (const auto& word : known)
    words.push_back(std::string_view{word}.substr(variable_prefix.size()));
  const auto nearest = nearest_setting_word(
    std::string_view{name}.substr(variable_prefix.size()), words);
  auto sentence = "environment: there is no setting for " + name;
  if (!nearest.empty())
    sentence += fmt::format("; the nearest is {}{}", variable_prefix, nearest);
  return make_error(ec::invalid_request, std::move(sentence), name);
}

/// Applies one source after the other and remembers who set what.
class merger {
public:
  loaded_config result;

  merger() {
    for (const auto& row : all_settings())
      result.origins.emplace(row.key, "default");
  }

  caf::error file(const std::string& path) {
    auto values = read_config_file(path);
    if (!values)
      return std::move(values.error());
    result.file = path;
    for (const auto& [key, value] : *values) {
      const auto* row = find_setting(key);
      if (!row->from_json(result.values, value).empty())
        return wrong_value("file " + path, *row, value.dump());
      result.origins[key] = "file " + path;
    }
    return {};
  }

  caf::error environment(const std::map<std::string, std::string>& variables) {
    for (const auto& [name, value] : variables) {
      if (!name.starts_with(variable_prefix) || is_for_clients(name))
        continue;
      if (const auto* row = row_of_variable(name)) {
        if (auto failed = from_text("environment " + name, *row, value))
          return failed;
      } else if (!is_of_kubernetes(name, value)) {
        return unknown_variable(name);
      }
    }
    return {};
  }

  caf::error
  command_line(const std::vector<std::pair<std::string, std::string>>& given) {
    for (const auto& [key, value] : given) {
      const auto* row = find_setting(key);
      if (!row)
        return unknown_key("command line", key);
      if (auto failed = from_text("command line", *row, value))
        return failed;
    }
    return {};
  }

private:
  caf::error from_text(const std::string& source, const setting& row,
                       const std::string& value) {
    if (!row.from_text(result.values, value).empty())
      return wrong_value(source, row, "'" + value + "'");
    result.origins[std::string{row.key}] = source;
    return {};
  }
};

/// The first that exists, even if it cannot be read: then that is an error,
/// not a reason to run with other settings.
std::string first_that_exists(const std::vector<std::string>& places) {
  for (const auto& path : places)
    if (::access(path.c_str(), F_OK) == 0
        || (errno != ENOENT && errno != ENOTDIR))
      return path;
  return {};
}

} // namespace

config_sources config_sources::from_process() {
  auto result = config_sources{};
  for (auto* entry = environ; entry && *entry; ++entry) {
    const auto text = std::string_view{*entry};
    const auto equals = text.find('=');
    if (equals != std::string_view::npos)
      result.environment.emplace(text.substr(0, equals),
                                 text.substr(equals + 1));
  }
  result.places = places_of(result.environment);
  return result;
}

std::vector<std::string> config_sources::places_of(
  const std::map<std::string, std::string>& environment) {
  const auto value_of = [&](const char* name) {
    const auto found = environment.find(name);
    return found == environment.end() ? std::string{} : found->second;
  };
  auto result = std::vector<std::string>{"opencode-worker.json"};
  const auto xdg = value_of("XDG_CONFIG_HOME");
  const auto home = value_of("HOME");
  // Its specification: a relative path is to be ignored.
  if (xdg.starts_with('/'))
    result.push_back(xdg + "/opencode-worker/opencode-worker.json");
  else if (!home.empty())
    result.push_back(home + "/.config/opencode-worker/opencode-worker.json");
  result.emplace_back("/etc/opencode-worker/opencode-worker.json");
  return result;
}

caf::expected<loaded_config> load_config(const config_sources& sources) {
  auto merged = merger{};
  const auto path
    = sources.file.empty() ? first_that_exists(sources.places) : sources.file;
  if (!path.empty())
    if (auto failed = merged.file(path))
      return failed;
  if (auto failed = merged.environment(sources.environment))
    return failed;
  if (auto failed = merged.command_line(sources.command_line))
    return failed;
  if (auto failed = apply_rules(merged.result, sources.environment))
    return failed;
  return std::move(merged.result);
}

} // namespace ocw
