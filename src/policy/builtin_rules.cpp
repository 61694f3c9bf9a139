#include "policy/program_rules.hpp"

#include <algorithm>
#include <array>

// The shell's own commands that run others, and variables.

namespace ocw::policy {

namespace {

// What they hold decides which code a name stands for, or is run.
constexpr auto guarded = std::to_array<std::string_view>(
  {"BASH_ENV", "ENV", "SHELLOPTS", "BASHOPTS", "BASH_ALIASES", "BASH_CMDS",
   "PS0", "PS1", "PS2", "PS4", "GCONV_PATH", "GIT_EXEC_PATH", "TAR_OPTIONS",
   "GLIBC_TUNABLES", "GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS"});
constexpr auto guarded_prefixes = std::to_array<std::string_view>(
  {"LD_", "BASH_FUNC_", "GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_"});

// What they hold is a command.
constexpr auto command_variables = std::to_array<std::string_view>(
  {"PAGER", "GIT_PAGER", "MANPAGER", "EDITOR", "VISUAL", "GIT_EDITOR",
   "GIT_SEQUENCE_EDITOR", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_EXTERNAL_DIFF",
   "GIT_ASKPASS", "SSH_ASKPASS", "GIT_PROXY_COMMAND", "LESSOPEN", "LESSCLOSE",
   "BROWSER", "PROMPT_COMMAND"});

bool is_guarded(std::string_view name) {
  return std::find(guarded.begin(), guarded.end(), name) != guarded.end()
         || std::any_of(guarded_prefixes.begin(), guarded_prefixes.end(),
                        [&](auto prefix) { return name.starts_with(prefix); });
}

/// Directories behind those that are searched already decide nothing.
bool appends_to_path(std::string_view source) {
  if (source.starts_with('"'))
    source.remove_prefix(1);
  return source.starts_with("$PATH:") || source.starts_with("${PATH}:");
}

shell_word named(std::string_view name, const shell_word& value) {
  auto made = value;
  made.text = std::string{name} + '=' + value.text;
  made.source = std::string{name} + '=' + value.source;
  return made;
}

/// Refuses arguments that a shell takes for variables and numbers, and would
/// run commands for.
void check_hidden(judge& by, word_span words) {
  for (const auto& word : words)
    if (hides_commands(word))
      by.refuse("runs commands", word,
                "the shell runs what stands in this subscript");
}

/// Variables that a command sets to what it reads or computes.
void check_set(judge& by, word_span words) {
  for (const auto& word : words)
    if (word.text == "PATH" || is_guarded(word.text))
      by.variable(word.text, unknown_word());
}

} // namespace

void judge::variable(std::string_view name, const shell_word& value) {
  if (is_guarded(name))
    return refuse("variable", named(name, value),
                  "what it holds decides what other programs run");
  if (name == "PATH" && !appends_to_path(value.source))
    return refuse("variable", named(name, value),
                  "it decides what a program's name stands for; add "
                  "directories behind it: PATH=\"$PATH:…\"");
  if (hides_commands(value))
    return refuse("runs commands", value,
                  "the shell runs what stands in this subscript");
  if (std::find(command_variables.begin(), command_variables.end(), name)
      == command_variables.end())
    return;
  if (!value.known())
    return refuse_unknown(named(name, value));
  text(value.text, value);
}

void judge_eval(judge& by, word_span words, const place& at) {
  for (const auto& word : words.subspan(1))
    if (!word.known())
      return by.refuse_unknown(word);
  const auto rest = words.subspan(1);
  const auto from = size_t{!rest.empty() && rest.front().text == "--"};
  by.text(joined(rest.subspan(from)), words.front(), at.in);
}

void judge_trap(judge& by, word_span words, const place& at) {
  auto from = size_t{1};
  if (from < words.size() && words[from].text == "--")
    ++from;
  if (from >= words.size() || words[from].text == "-"
      || words[from].text == "-p" || words[from].text == "-l")
    return;
  const auto& action = words[from];
  if (!action.known())
    return by.refuse_unknown(action);
  by.text(action.text, action, at.in);
}

void judge_command(judge& by, word_span words, const place& at) {
  auto from = size_t{1};
  for (; from < words.size() && words[from].text.starts_with('-'); ++from) {
    const auto& text = words[from].text;
    if (text.find_first_of("vV") != text.npos && text != "--")
      return; // it only tells
    if (!words[from].known())
      return by.refuse_unknown(words[from]);
  }
  if (from < words.size())
    by.program(words.subspan(from), {at.in, at.command, lookup::builtins});
}

void judge_exec(judge& by, word_span words, const place& at) {
  const auto given
    = read_arguments(words, {.letters = "a", .operands_end_options = true});
  for (const auto& word :
       words.first(std::min(given.operands_at, words.size())))
    if (!word.known())
      return by.refuse_unknown(word);
  if (given.operands_at < words.size())
    by.program(words.subspan(given.operands_at),
               {at.in, at.command, lookup::programs});
}

void judge_declare(judge& by, word_span words, const place&) {
  const auto is_let = words.front().text == "let";
  for (const auto& word : words.subspan(1)) {
    const auto equals = word.text.find('=');
    if (equals == std::string::npos || is_let) {
      // `export PATH` changes nothing that an assignment did not.
      if (is_guarded(word.text))
        by.variable(word.text, unknown_word());
      continue;
    }
    auto value = word;
    value.text.erase(0, equals + 1);
    value.source.erase(0, value.source.find('=') + 1);
    auto name = word.text.substr(0, equals);
    if (name.ends_with('+'))
      name.pop_back();
    by.variable(name, value);
  }
  check_hidden(by, words);
}

void judge_reading(judge& by, word_span words, const place&) {
  const auto& name = words.front().text;
  check_hidden(by, words);
  if (name == "mapfile" || name == "readarray") {
    const auto given = read_arguments(words, {.letters = "dnOsuCc"});
    if (given.has({"-C"}))
      return by.refuse("runs commands", words.front(),
                       "-C runs a command for each line");
  }
  if (name == "printf") {
    const auto given
      = read_arguments(words, {.letters = "v", .operands_end_options = true});
    if (const auto* into = given.option("-v"))
      check_set(by, {into, 1});
  } else if (name != "test" && name != "[") {
    check_set(by, words.subspan(1));
  }
}

void judge_unset(judge& by, word_span words, const place& at) {
  check_hidden(by, words);
  check_set(by, words.subspan(1));
  if (at.in == nullptr || at.in->script.functions.empty())
    return;
  const auto& functions = at.in->script.functions;
  for (const auto& word : words.subspan(1))
    if (!word.known()
        || std::any_of(functions.begin(), functions.end(),
                       [&](const auto& one) { return one.name == word.text; }))
      return by.refuse("function", word,
                       "what a function's name means after this is not judged");
}

void judge_hash(judge& by, word_span words, const place&) {
  const auto given = read_arguments(words, {.letters = "p"});
  if (given.has({"-p"}))
    by.refuse("path", words.front(), "-p makes a name stand for another file");
}

} // namespace ocw::policy
