#pragma once

#include "ocw/config.hpp"

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace ocw::policy {

/// How many patterns there may be, and how long one.
inline constexpr size_t max_patterns = 256;
inline constexpr size_t max_pattern_length = 256;

/// The settings, ready for use.
struct rules {
  explicit rules(const security_config& settings);

  std::unordered_set<std::string> allowed;
  std::vector<std::string> patterns; ///< those that are not the ones below

  // The patterns that seldom mean their letters, each judged on the parsed
  // command; on while the setting lists them.
  bool system_tree = false;   ///< rm -rf /
  bool pipe_to_shell = false; ///< | sh
  bool downloads = false;     ///< curl | sh, wget | sh
  bool devices = false;       ///< > /dev/null
  bool open_modes = false;    ///< chmod 777
  bool set_id_modes = false;  ///< chmod 4755
};

/// Whether a part of `text` matches `pattern`, in which `*` is any text and
/// `?` any one character.
bool matches_somewhere(std::string_view pattern, std::string_view text);

/// The shell's own commands that run no other code, or whose code is judged.
bool is_safe_builtin(std::string_view name);

} // namespace ocw::policy
