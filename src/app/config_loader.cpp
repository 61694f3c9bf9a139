#include "app/config_loader.hpp"

#include "app/config_rules.hpp"
#include "app/settings.hpp"
#include "messages/json_document.hpp"
#include "ocw/errors.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

extern char** environ; // environ(7)

namespace ocw {

namespace {

constexpr std::string_view variable_prefix = "OPENCODE_WORKER_";
constexpr size_t max_file_bytes = 1 << 20;

std::string hint_for(std::string_view key) {
  const auto nearest = nearest_key(key);
  return nearest.empty() ? std::string{}
                         : fmt::format("; did you mean '{}'?", nearest);
}

caf::error unknown_key(std::string_view source, std::string_view key) {
  return make_error(ec::invalid_request,
                    fmt::format("{}: there is no setting '{}'{}", source, key,
                                hint_for(key)),
                    std::string{key});
}

caf::error wrong_value(std::string_view source, const setting& row,
                       const std::string& value) {
  return make_error(ec::invalid_request,
                    fmt::format("{}: {} is {}, but must be {}", source,
                                row.key, value, row.allowed),
                    std::string{row.key});
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
    auto text = read(path);
    if (!text)
      return std::move(text.error());
    auto document = parse_json(*text);
    if (!document)
      return make_error(ec::invalid_request,
                        path + ": " + sentence_of(document.error()));
    if (!document->is_object())
      return make_error(ec::invalid_request, path + ": must be an object");
    result.file = path;
    for (const auto& [name, value] : document->items()) {
      if (find_setting(name)) {
        if (auto failed = from_json(path, name, value))
          return failed;
        continue;
      }
      if (!value.is_object())
        return unknown_key(path, name);
      for (const auto& [inner, leaf] : value.items())
        if (auto failed = from_json(path, name + "." + inner, leaf))
          return failed;
    }
    return {};
  }

  caf::error environment(const std::map<std::string, std::string>& variables) {
    for (const auto& [name, value] : variables) {
      if (!name.starts_with(variable_prefix) || is_for_clients(name))
        continue;
      const auto* row = row_of_variable(name);
      if (!row)
        return unknown_key("environment " + name, guessed_key(name));
      if (auto failed = from_text("environment " + name, *row, value))
        return failed;
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
  static caf::expected<std::string> read(const std::string& path) {
    auto stream = std::ifstream{path, std::ios::binary};
    auto text = std::ostringstream{};
    if (stream)
      text << stream.rdbuf();
    if (!stream || text.str().size() > max_file_bytes)
      return make_error(ec::invalid_request,
                        fmt::format("cannot read the settings file '{}': {}",
                                    path,
                                    stream ? "it is over 1 MiB"
                                           : std::strerror(errno)));
    return text.str();
  }

  caf::error from_json(const std::string& path, const std::string& key,
                       const nlohmann::json& value) {
    const auto* row = find_setting(key);
    if (!row)
      return unknown_key(path, key);
    if (!row->from_json(result.values, value).empty())
      return wrong_value(path, *row, value.dump());
    result.origins[key] = "file " + path;
    return {};
  }

  caf::error from_text(const std::string& source, const setting& row,
                       const std::string& value) {
    if (!row.from_text(result.values, value).empty())
      return wrong_value(source, row, "'" + value + "'");
    result.origins[std::string{row.key}] = source;
    return {};
  }

  // What the command line reads for its own use.
  static bool is_for_clients(const std::string& name) {
    return name == "OPENCODE_WORKER_TOKEN" || name == "OPENCODE_WORKER_URL";
  }

  static const setting* row_of_variable(const std::string& name) {
    for (const auto& row : all_settings())
      if (environment_name(row.key) == name)
        return &row;
    return nullptr;
  }

  static std::string guessed_key(const std::string& name) {
    auto key = name.substr(variable_prefix.size());
    for (auto& c : key)
      c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (const auto first = key.find('_'); first != std::string::npos)
      key[first] = '.';
    return key;
  }
};

std::string first_that_exists(const std::vector<std::string>& places) {
  for (const auto& path : places)
    if (::access(path.c_str(), F_OK) == 0)
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
  const auto value_of = [&](const char* name) {
    const auto found = result.environment.find(name);
    return found == result.environment.end() ? std::string{} : found->second;
  };
  result.places.emplace_back("opencode-worker.json");
  const auto xdg = value_of("XDG_CONFIG_HOME");
  const auto home = value_of("HOME");
  if (!xdg.empty() || !home.empty())
    result.places.push_back((xdg.empty() ? home + "/.config" : xdg)
                            + "/opencode-worker/opencode-worker.json");
  result.places.emplace_back("/etc/opencode-worker/opencode-worker.json");
  return result;
}

caf::expected<loaded_config> load_config(const config_sources& sources) {
  auto merged = merger{};
  const auto path = sources.file.empty() ? first_that_exists(sources.places)
                                         : sources.file;
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

std::string render_config(const loaded_config& loaded, bool as_json) {
  if (as_json) {
    auto document = nlohmann::ordered_json{
      {"values", settings_as_json(loaded.values)},
      {"origins", loaded.origins},
      {"file", loaded.file.empty() ? nlohmann::ordered_json{}
                                   : nlohmann::ordered_json(loaded.file)}};
    return document.dump(2) + "\n";
  }
  auto result = fmt::format("{:<38} {:<34} {}\n", "SETTING", "VALUE", "FROM");
  for (const auto& row : all_settings()) {
    auto value = row.to_json(loaded.values).dump();
    if (value.size() > 34)
      value = value.substr(0, 31) + "...";
    result += fmt::format("{:<38} {:<34} {}\n", row.key, value,
                          loaded.origins.at(std::string{row.key}));
  }
  return result;
}

} // namespace ocw
