#pragma once

#include "app/settings.hpp"

#include <caf/error.hpp>
#include <caf/expected.hpp>

#include <nlohmann/json.hpp>

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ocw {

/// Reads a settings file: a JSON object of sections. What comes back are keys
/// that exist, each once; their values are not checked. `ec::invalid_request`
/// names the file and, for broken JSON, line and column.
caf::expected<std::vector<std::pair<std::string, nlohmann::json>>>
read_config_file(const std::string& path);

/// An error about a key that does not exist, with the nearest one that does.
caf::error unknown_key(std::string_view source, std::string_view key);

/// An error about a value that a setting does not take, with what it takes.
caf::error wrong_value(std::string_view source, const setting& row,
                       const std::string& value);

/// As `nearest_word`; and of words that only begin or end like this one, the
/// one that does.
std::string_view nearest_setting_word(std::string_view word,
                                      std::span<const std::string_view> known);

} // namespace ocw
