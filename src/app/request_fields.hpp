#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ocw {

/// How the text of a flag becomes a value of a request.
enum class flag_kind : uint8_t {
  text,
  number,
  size,     ///< `64MB` as it is, or a number
  duration, ///< `30s`, `5m`, `2h`, or a number of milliseconds
  boolean,
};

/// A field of a job request that is one value, and the flag of its name.
struct scalar_field {
  std::string_view name; ///< dotted: `limits.memory`
  flag_kind kind;
  std::string_view placeholder;
  std::string_view help;
};

/// All of them, in the order `--help` shows them.
std::span<const scalar_field> scalar_fields();

/// The field of that name; null when there is none.
const scalar_field* find_scalar_field(std::string_view name);

/// What a flag's text means as JSON; nothing if it is not of that kind.
std::optional<nlohmann::json> json_value_of(flag_kind kind,
                                            const std::string& text);

/// What a text of that kind must be, as the end of a sentence.
std::string_view expected_by(flag_kind kind);

} // namespace ocw
