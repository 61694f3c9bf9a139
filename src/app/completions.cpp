#include "app/completions.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <spdlog/fmt/fmt.h>

namespace ocw {

namespace {

/// In single quotes, for a shell.
std::string shell_quoted(std::string_view text) {
  auto result = std::string{"'"};
  for (const auto c : text) {
    if (c == '\'')
      result += "'\\''";
    else
      result += c;
  }
  return result + '\'';
}

/// The flags of a command as they are typed, those with a value with `=`.
std::string flags_of(const CLI::App& app) {
  auto result = std::string{};
  for (const auto* option : app.get_options())
    for (const auto& name : option->get_lnames())
      result += fmt::format("{}--{}{}", result.empty() ? "" : " ", name,
                            option->get_expected_max() > 0 ? "=" : "");
  return result;
}

std::vector<const CLI::App*> commands_of(const CLI::App& program) {
  return program.get_subcommands([](const CLI::App*) { return true; });
}

std::string names_of(const CLI::App& program, std::string_view between) {
  auto result = std::string{};
  for (const auto* command : commands_of(program))
    result.append(result.empty() ? "" : between).append(command->get_name());
  return result;
}

std::string cases_of(const CLI::App& program) {
  auto result = std::string{};
  for (const auto* command : commands_of(program))
    result += fmt::format("    {}) flags={} ;;\n", command->get_name(),
                          shell_quoted(flags_of(*command)));
  return result;
}

std::string bash_script(const CLI::App& program) {
  return fmt::format(R"(# bash completion for opencode-worker
_opencode_worker() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} command= flags= i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${{COMP_WORDS[i]}} in
    --) return ;;
    {0}) command=${{COMP_WORDS[i]}}; break ;;
    esac
  done
  case $command in
{1}  esac
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$flags "{2} -- "$current"))
    [[ ${{COMPREPLY[0]-}} == *= ]] && compopt -o nospace
  elif [[ -z $command ]]; then
    COMPREPLY=($(compgen -W {3} -- "$current"))
  fi
}}
complete -o default -F _opencode_worker opencode-worker
)",
                     names_of(program, "|"), cases_of(program),
                     shell_quoted(flags_of(program)),
                     shell_quoted(names_of(program, " ")));
}

std::string zsh_script(const CLI::App& program) {
  auto commands = std::string{};
  for (const auto* command : commands_of(program))
    commands
      += fmt::format("    {}\n", shell_quoted(command->get_name() + ":"
                                              + command->get_description()));
  return fmt::format(R"(#compdef opencode-worker
# zsh completion for opencode-worker
_opencode_worker() {{
  local -a commands
  commands=(
{}  )
  local flags= command= word
  for word in ${{words[2,CURRENT-1]}}; do
    case $word in
    --) _normal; return ;;
    {}) command=$word; break ;;
    esac
  done
  case $command in
{}  esac
  flags="$flags "{}
  if [[ $PREFIX == -* ]]; then
    compadd -S '' -- ${{(M)${{=flags}}:#*=}}
    compadd -- ${{${{=flags}}:#*=}}
  elif [[ -z $command ]]; then
    _describe command commands
  else
    _files
  fi
}}
if [[ $funcstack[1] == _opencode_worker ]]; then
  _opencode_worker "$@"
else
  compdef _opencode_worker opencode-worker
fi
)",
                     commands, names_of(program, "|"), cases_of(program),
                     shell_quoted(flags_of(program)));
}

std::string fish_flags(const CLI::App& app, const std::string& condition) {
  auto result = std::string{};
  for (const auto* option : app.get_options())
    for (const auto& name : option->get_lnames())
      result += fmt::format("complete -c opencode-worker{} -l {}{} -d {}\n",
                            condition, name,
                            option->get_expected_max() > 0 ? " -r" : "",
                            shell_quoted(option->get_description()));
  return result;
}

std::string fish_script(const CLI::App& program) {
  auto result = std::string{"# fish completion for opencode-worker\n"};
  for (const auto* command : commands_of(program))
    result += fmt::format(
      "complete -c opencode-worker -f -n __fish_use_subcommand -a {} -d {}\n",
      command->get_name(), shell_quoted(command->get_description()));
  for (const auto* command : commands_of(program))
    result += fish_flags(
      *command,
      fmt::format(" -n '__fish_seen_subcommand_from {}'", command->get_name()));
  return result + fish_flags(program, "");
}

} // namespace

std::string completion_script(const CLI::App& program, std::string_view shell) {
  if (shell == "bash")
    return bash_script(program);
  if (shell == "zsh")
    return zsh_script(program);
  if (shell == "fish")
    return fish_script(program);
  return {};
}

} // namespace ocw
