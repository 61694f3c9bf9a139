#pragma once

#include <caf/expected.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace ocw {

// JSON from outside is hostile until it is parsed. These bounds hold while it
// is, so that neither the stack nor the memory depends on what was sent.

/// How deep arrays and objects may nest.
inline constexpr auto max_json_depth = size_t{64};

/// How many values, keys included, one document may hold.
inline constexpr auto max_json_values = size_t{1'000'000};

/// Parses one JSON document. `ec::invalid_request` says what is wrong and
/// where: broken syntax, text after the end, invalid UTF-8, a key that is
/// there twice (with its path as the error's field), too deep, too many.
caf::expected<nlohmann::json> parse_json(std::string_view text);

/// Appends one step to the path of a field: `limits` and `memory` become
/// `limits.memory`; what is not a plain name becomes `["…"]`.
void append_path_name(std::string& path, std::string_view name);

/// Appends a key of the user's own choice: always `["…"]`.
void append_path_key(std::string& path, std::string_view key);

} // namespace ocw
