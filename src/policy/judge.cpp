#include "policy/judge.hpp"

#include "policy/dangers.hpp"
#include "policy/program_rules.hpp"
#include "policy/shell_parser.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace ocw::policy {

namespace {

// A command in a command, as in `env bash -c "eval '…'"`.
constexpr auto max_depth = size_t{24};

constexpr auto system_directories = std::to_array<std::string_view>(
  {"/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/", "/usr/local/bin/",
   "/usr/local/sbin/"});

bool is_download(const shell_command& command) {
  return !command.words.empty() && command.words.front().known()
         && (base_name(command.words.front().text) == "curl"
             || base_name(command.words.front().text) == "wget");
}

scope scope_of(const shell_script& script, const scope* outer) {
  auto made = scope{.script = script, .outer = outer, .downloads = {0}};
  for (auto i = size_t{0}; i < script.commands.size(); ++i) {
    const auto& one = script.commands[i];
    made.downloads.push_back(made.downloads.back()
                             + (is_download(one) ? 1 : 0));
    if (made.first_call != no_index || one.function != no_index
        || one.words.empty())
      continue;
    for (const auto& function : script.functions)
      if (function.name == one.words.front().text)
        made.first_call = i;
  }
  return made;
}

std::string normal_text(const shell_script& script) {
  auto out = std::string{};
  for (auto i = size_t{0}; i < script.commands.size(); ++i) {
    const auto& one = script.commands[i];
    const auto is_fed
      = one.feeder != no_index && script.feeders[one.feeder].last == i;
    if (i > 0)
      out += is_fed ? " | " : " ; ";
    for (const auto& [name, value] : one.assignments)
      out += name + '=' + value.text + ' ';
    out += joined(one.words);
    for (const auto& redirected : one.redirections)
      out += ' ' + redirected.fd + redirected.op + ' ' + redirected.target.text;
  }
  return out;
}

} // namespace

// -- texts --------------------------------------------------------------------

void judge::text(std::string_view commands_text, const shell_word& word,
                 const scope* outer) {
  if (refused())
    return;
  if (depth_ >= max_depth)
    return refuse("readable", word, "its commands are nested too deep");
  auto parsed = parse_shell(commands_text);
  if (const auto* failed = std::get_if<parse_failure>(&parsed)) {
    auto shown
      = known_word(failed->near.empty() ? "end of the command" : failed->near);
    return refuse("readable", shown,
                  "in line " + std::to_string(failed->line) + " " + failed->what
                    + "; only what can be read can be allowed");
  }
  ++depth_;
  const auto& script = std::get<shell_script>(parsed);
  auto all = scope_of(script, outer);
  commands(all);
  if (!rules_.patterns.empty())
    patterns(normal_text(script));
  --depth_;
}

void judge::commands(scope& all) {
  for (const auto& function : all.script.functions)
    check_fork_bomb(*this, all.script, function);
  for (const auto& one : all.script.commands) {
    if (refused())
      return;
    command(all, one);
    ++all.at;
  }
}

void judge::command(const scope& all, const shell_command& one) {
  for (const auto& [name, value] : one.assignments)
    variable(name, value);
  redirections(one);
  if (!one.words.empty() && !refused())
    program(one.words, {&all, &one});
}

void judge::redirections(const shell_command& one) {
  for (const auto& redirected : one.redirections)
    if (redirected.op.find('>') != std::string::npos)
      check_target(*this, redirected.target);
}

void judge::patterns(std::string_view normal) {
  for (const auto& pattern : rules_.patterns)
    if (matches_somewhere(pattern, normal))
      return refuse("security.dangerous_patterns", known_word(pattern),
                    "the command matches this pattern of the node's settings");
}

// -- programs -----------------------------------------------------------------

void judge::program(word_span words, const place& at) {
  if (refused() || words.empty())
    return;
  if (!words.front().known())
    return refuse_unknown(words.front());
  if (at.by == lookup::functions && at.in != nullptr
      && is_function(*at.in, words.front().text))
    return; // what it does is judged where it is defined
  // A program that runs another that runs another …
  if (++depth_ > max_depth)
    refuse("readable", words.front(), "commands are nested too deep");
  look_up(words, at);
  if (!refused())
    found(words, at);
  --depth_;
}

void judge::found(word_span words, const place& at) {
  const auto name = base_name(words.front().text);
  if (const auto rule = program_rule_of(name))
    rule(*this, words, at);
  if (!refused())
    check_dangers(*this, name, words);
}

void judge::look_up(word_span words, const place& at) {
  const auto& word = words.front();
  const auto name = std::string{base_name(word.text)};
  const auto is_path = name.size() != word.text.size();
  if (is_path) {
    const auto directory
      = std::string_view{word.text}.substr(0, word.text.size() - name.size());
    if (std::find(system_directories.begin(), system_directories.end(),
                  directory)
        == system_directories.end())
      return refuse("path", word,
                    "a program that is named by its path must be in one of "
                    "the system's directories for programs");
  }
  if (rules_.allowed.count(name) != 0)
    return;
  if (!is_path && at.in != nullptr && at.by != lookup::programs
      && is_safe_builtin(name))
    return;
  if (name == "." || name == "source")
    return refuse("source", word,
                  "it runs a file that cannot be seen from here in this very "
                  "shell; run the file by an allowed program");
  refuse("security.command_allowlist", word,
         "the list does not have it; use an allowed program, or have the "
         "node's operator add it");
}

bool judge::is_function(const scope& in, const std::string& name) const {
  const auto& script = in.script;
  const auto in_body = in.at < script.commands.size()
                       && script.commands[in.at].function != no_index;
  for (const auto& function : script.functions) {
    // A body runs when it is called, so later definitions count there.
    const auto is_there
      = in_body ? in.first_call == no_index || function.last <= in.first_call
                : function.last <= in.at;
    if (function.certain && function.name == name && is_there)
      return true;
  }
  return in.outer != nullptr && is_function(*in.outer, name);
}

// -- verdicts -----------------------------------------------------------------

void judge::refuse(std::string_view rule, const shell_word& word,
                   std::string why) {
  if (!refused())
    refused_ = refusal{word.known() ? word.text : word.source,
                       std::string{rule}, std::move(why)};
}

void judge::refuse_unknown(const shell_word& word) {
  refuse("static", word,
         "what would run is known only when it runs; write it out");
}

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

shell_word known_word(std::string text) {
  auto made = shell_word{};
  made.source = text;
  made.text = std::move(text);
  return made;
}

shell_word unknown_word() {
  auto made = shell_word{};
  made.text = unknown_char;
  made.source = "(what it reads)";
  made.dynamic = true;
  return made;
}

std::string joined(word_span words) {
  auto out = std::string{};
  for (const auto& word : words)
    out += out.empty() ? word.text : ' ' + word.text;
  return out;
}

} // namespace ocw::policy
