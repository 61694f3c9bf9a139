#pragma once

#include "ocw/config.hpp"

#include <caf/error.hpp>

#include <nlohmann/json.hpp>

#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace ocw {

/// One setting. Everything that deals with settings (files, environment,
/// command line, documentation, reloading) is a loop over these.
struct setting {
  std::string_view key;      ///< "session.base_dir"; "state_dir" has no section
  std::string allowed;       ///< what a value may be, for people
  std::string_view sentence; ///< what it does
  bool live = false;         ///< SIGHUP can change it

  /// Takes a value from JSON, strictly typed. Empty: taken; else what is wrong.
  std::function<std::string(config&, const nlohmann::json&)> from_json;

  /// Takes a value from text, as the environment and the command line have it.
  std::function<std::string(config&, const std::string&)> from_text;

  /// The value as JSON.
  std::function<nlohmann::ordered_json(const config&)> to_json;

  /// Copies the value of one config into another.
  std::function<void(config& to, const config& from)> copy;
};

/// All settings, in the order of the documentation.
std::span<const setting> all_settings();

/// The setting with this key; null when there is none.
const setting* find_setting(std::string_view key);

/// `OPENCODE_WORKER_SESSION_BASE_DIR` for `session.base_dir`.
std::string environment_name(std::string_view key);

/// All values, nested by section.
nlohmann::ordered_json settings_as_json(const config& values);

/// What SIGHUP would change, and what it cannot.
struct reload_plan {
  std::vector<std::string> live;
  std::vector<std::string> restart;
};
reload_plan plan_reload(const config& running, const config& fresh);

/// Copies every setting that can change live.
void apply_live(config& running, const config& fresh);

} // namespace ocw
