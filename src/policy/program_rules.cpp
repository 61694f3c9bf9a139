#include "policy/program_rules.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace ocw::policy {

namespace {

using row = std::pair<std::string_view, program_rule>;

constexpr auto table = std::to_array<row>({
  // programs that run others
  {"env", judge_env},
  {"nice", judge_nice},
  {"nohup", judge_nohup},
  {"setsid", judge_nohup},
  {"timeout", judge_timeout},
  {"stdbuf", judge_stdbuf},
  {"xargs", judge_xargs},
  {"find", judge_find},
  {"git", judge_git},
  {"tar", judge_tar},
  {"sort", judge_other},
  {"split", judge_other},
  {"zip", judge_other},
  {"wget", judge_other},
  {"install", judge_other},
  // languages
  {"sh", judge_shell},
  {"bash", judge_shell},
  {"dash", judge_shell},
  {"rbash", judge_shell},
  {"ash", judge_shell},
  {"ksh", judge_shell},
  {"zsh", judge_shell},
  {"sed", judge_sed},
  {"awk", judge_awk},
  {"gawk", judge_awk},
  {"mawk", judge_awk},
  {"nawk", judge_awk},
  {"python", judge_interpreter},
  {"python3", judge_interpreter},
  {"node", judge_interpreter},
  {"bun", judge_interpreter},
  {"deno", judge_interpreter},
  {"perl", judge_interpreter},
  {"ruby", judge_interpreter},
  {"php", judge_interpreter},
  {"lua", judge_interpreter},
  // the shell's own
  {"eval", judge_eval},
  {"trap", judge_trap},
  {"command", judge_command},
  {"builtin", judge_command},
  {"exec", judge_exec},
  {"export", judge_declare},
  {"declare", judge_declare},
  {"typeset", judge_declare},
  {"local", judge_declare},
  {"readonly", judge_declare},
  {"let", judge_declare},
  {"read", judge_reading},
  {"printf", judge_reading},
  {"mapfile", judge_reading},
  {"readarray", judge_reading},
  {"getopts", judge_reading},
  {"test", judge_reading},
  {"[", judge_reading},
  {"unset", judge_unset},
  {"hash", judge_hash},
});

} // namespace

program_rule program_rule_of(std::string_view name) {
  const auto found
    = std::find_if(table.begin(), table.end(),
                   [&](const row& entry) { return entry.first == name; });
  return found == table.end() ? nullptr : found->second;
}

} // namespace ocw::policy
