#pragma once

#include "policy/shell_script.hpp"

#include <string>
#include <string_view>
#include <variant>

namespace ocw::policy {

/// How deep lists, commands and expansions may be nested; a compound command
/// counts twice.
inline constexpr size_t max_nesting = 200;

/// How many functions a text may define; they are looked up one by one.
inline constexpr size_t max_functions = 1000;

/// Why a text could not be read, and where.
struct parse_failure {
  std::string what; ///< lower case, without full stop
  std::string near; ///< a few characters of the text
  size_t line = 1;
};

/// Reads a command for bash. Stricter than bash: what bash reads in more than
/// one way, or differently from version to version, is a failure. Time and
/// memory are bounded by a small multiple of the text's length; pure.
std::variant<shell_script, parse_failure> parse_shell(std::string_view text);

} // namespace ocw::policy
