#include "policy/rules.hpp"

#include <algorithm>
#include <array>

namespace ocw::policy {

namespace {

struct named_pattern {
  std::string_view text;
  bool rules::*rule; ///< null: substitutions are judged in any case
};

constexpr auto named_patterns = std::to_array<named_pattern>({
  {"rm -rf /", &rules::system_tree},
  {"| sh", &rules::pipe_to_shell},
  {"> /dev/null", &rules::devices},
  {"$(...)", nullptr},
  {"`...`", nullptr},
  {"chmod 777", &rules::open_modes},
  {"chmod 4755", &rules::set_id_modes},
  {"wget | sh", &rules::downloads},
  {"curl | sh", &rules::downloads},
});

// `alias`, `enable -f`, `bind`, `compgen -C`, `complete`, `fc`, `source` and
// `.` run or load what cannot be seen.
constexpr auto safe_builtins = std::to_array<std::string_view>({
  ":",       "[",        "bg",      "break", "builtin",   "caller",   "cd",
  "command", "continue", "declare", "dirs",  "disown",    "echo",     "eval",
  "exec",    "exit",     "export",  "false", "fg",        "getopts",  "hash",
  "help",    "jobs",     "kill",    "let",   "local",     "mapfile",  "popd",
  "printf",  "pushd",    "pwd",     "read",  "readarray", "readonly", "return",
  "set",     "shift",    "shopt",   "test",  "times",     "trap",     "true",
  "type",    "typeset",  "ulimit",  "umask", "unset",     "wait",
});

/// Where `piece` first is in `text`, with `?` for any character.
size_t find_piece(std::string_view piece, std::string_view text) {
  const auto same = [](char a, char b) { return b == '?' || a == b; };
  const auto at
    = std::search(text.begin(), text.end(), piece.begin(), piece.end(), same);
  return at == text.end() && !piece.empty()
           ? std::string_view::npos
           : static_cast<size_t>(at - text.begin());
}

} // namespace

rules::rules(const security_config& settings)
  : allowed(settings.command_allowlist.begin(),
            settings.command_allowlist.end()) {
  for (const auto& pattern : settings.dangerous_patterns) {
    const auto known
      = std::find_if(named_patterns.begin(), named_patterns.end(),
                     [&](const auto& row) { return row.text == pattern; });
    if (known == named_patterns.end())
      patterns.push_back(pattern);
    else if (known->rule != nullptr)
      this->*known->rule = true;
  }
}

// The first place of each piece is the best one, so nothing is tried twice.
bool matches_somewhere(std::string_view pattern, std::string_view text) {
  while (true) {
    const auto star = pattern.find('*');
    const auto piece = pattern.substr(0, star);
    const auto at = find_piece(piece, text);
    if (at == std::string_view::npos)
      return false;
    if (star == std::string_view::npos)
      return true;
    text.remove_prefix(at + piece.size());
    pattern.remove_prefix(star + 1);
  }
}

bool is_safe_builtin(std::string_view name) {
  return std::find(safe_builtins.begin(), safe_builtins.end(), name)
         != safe_builtins.end();
}

} // namespace ocw::policy
