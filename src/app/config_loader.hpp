#pragma once

#include "ocw/config.hpp"

#include <caf/expected.hpp>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace ocw {

/// Where settings come from. `from_process` fills it in; tests make their own.
struct config_sources {
  std::vector<std::pair<std::string, std::string>> command_line; ///< in order
  std::map<std::string, std::string> environment;
  std::string file;                ///< `--config`; empty: look for one
  std::vector<std::string> places; ///< where to look, first that exists wins

  static config_sources from_process();

  /// Where a file is looked for: here, where XDG says, in /etc.
  static std::vector<std::string>
  places_of(const std::map<std::string, std::string>& environment);
};

/// Settings after every source was applied.
struct loaded_config {
  config values;
  /// Where each value came from, by key: "default", "file PATH", "environment
  /// NAME" or "command line"; and what was made of it, after a comma.
  std::map<std::string, std::string> origins;
  std::string file; ///< the file that was read; empty: none
};

/// Any thread, with no side effect. Applies defaults, file, environment and
/// command line, in this order, then the rules between settings.
/// `ec::invalid_request` names the source, the key, the value, what is allowed,
/// and the nearest known key.
caf::expected<loaded_config> load_config(const config_sources& sources);

/// What `opencode-worker config` prints.
std::string render_config(const loaded_config& loaded, bool as_json);

} // namespace ocw
