#include "policy/dangers.hpp"
#include "policy/program_rules.hpp"

#include <algorithm>
#include <array>

// Programs whose arguments are another program's command line.

namespace ocw::policy {

namespace {

/// Whether a word is one argument, whatever it holds: an unquoted expansion
/// can become several.
bool is_one_argument(const shell_word& word) {
  return word.known() || (word.quoted && !word.expands);
}

/// The program behind the wrapper's own arguments. No shell looks it up, but
/// its standard input is the wrapper's.
void run_rest(judge& by, word_span words, size_t from, const place& at) {
  for (const auto& word : words.first(std::min(from, words.size())))
    if (!is_one_argument(word))
      return by.refuse_unknown(word);
  if (from < words.size())
    by.program(words.subspan(from), {at.in, at.command, lookup::programs});
}

} // namespace

void judge_env(judge& by, word_span words, const place& at) {
  const auto given
    = read_arguments(words, {.letters = "uCS",
                             .words = {"--unset", "--chdir", "--split-string"},
                             .operands_end_options = true});
  if (given.has({"-S", "--split-string"}))
    return by.refuse("runs commands", words.front(),
                     "-S takes a text apart in its own way; write the "
                     "command's words");
  auto from = given.operands_at;
  for (; from < words.size(); ++from) {
    const auto& text = words[from].text;
    const auto equals = text.find('=');
    if (text == "-")
      continue;
    if (equals == std::string::npos || text.find(unknown_char) < equals)
      break;
    auto value = words[from];
    value.text.erase(0, equals + 1);
    value.source.erase(0, value.source.find('=') + 1);
    by.variable(text.substr(0, equals), value);
  }
  run_rest(by, words, from, at);
}

void judge_nice(judge& by, word_span words, const place& at) {
  const auto given = read_arguments(
    words,
    {.letters = "n", .words = {"--adjustment"}, .operands_end_options = true});
  run_rest(by, words, given.operands_at, at);
}

void judge_nohup(judge& by, word_span words, const place& at) {
  const auto given = read_arguments(words, {.operands_end_options = true});
  run_rest(by, words, given.operands_at, at);
}

void judge_timeout(judge& by, word_span words, const place& at) {
  const auto given
    = read_arguments(words, {.letters = "ks",
                             .words = {"--kill-after", "--signal"},
                             .operands_end_options = true});
  run_rest(by, words, given.operands_at + 1, at);
}

void judge_stdbuf(judge& by, word_span words, const place& at) {
  const auto given
    = read_arguments(words, {.letters = "ioe",
                             .words = {"--input", "--output", "--error"},
                             .operands_end_options = true});
  run_rest(by, words, given.operands_at, at);
}

// What it reads becomes arguments: as one more, or in the place of a text.
void judge_xargs(judge& by, word_span words, const place& at) {
  const auto given = read_arguments(
    words, {.letters = "adEILnPs",
            .words = {"--arg-file", "--delimiter", "--max-args", "--max-procs",
                      "--max-chars", "--process-slot-var"},
            .attached = "eil",
            .operands_end_options = true});
  const auto from = given.operands_at;
  auto replaced = std::string{};
  for (const auto& [name, value] : given.all) {
    if (name == "-I")
      replaced = value.text;
    else if (name == "-i" || name == "--replace")
      replaced = value.text.empty() ? "{}" : value.text;
  }
  auto made = std::vector<shell_word>{words.begin(), words.end()};
  for (auto i = from; i < made.size() && !replaced.empty(); ++i)
    if (made[i].text.find(replaced) != std::string::npos)
      made[i].dynamic = true;
  if (from < made.size() && replaced.empty())
    made.push_back(unknown_word());
  run_rest(by, made, from, at);
}

// -- find ---------------------------------------------------------------------

namespace {

constexpr auto running
  = std::to_array<std::string_view>({"-exec", "-execdir", "-ok", "-okdir"});

/// The command of an `-exec`, which begins at `from`; returns where it ends.
size_t judge_exec_action(judge& by, word_span words, size_t from,
                         const place& at) {
  auto command = std::vector<shell_word>{};
  auto i = from;
  for (; i < words.size(); ++i) {
    const auto& text = words[i].text;
    if (text == ";" || (text == "+" && i > from && words[i - 1].text == "{}"))
      break;
    command.push_back(words[i]);
    if (text.find("{}") != std::string::npos)
      command.back().dynamic = true;
  }
  by.program(command, {at.in, at.command, lookup::programs});
  return i;
}

} // namespace

void judge_find(judge& by, word_span words, const place& at) {
  auto roots = std::vector<shell_word>{};
  auto removes = false;
  auto in_roots = true;
  for (auto i = size_t{1}; i < words.size() && !by.refused(); ++i) {
    const auto& text = words[i].text;
    const auto is_expression
      = text.starts_with('-') || text == "(" || text == "!";
    if (is_expression && text != "-L" && text != "-H" && text != "-P")
      in_roots = false;
    if (in_roots && !text.starts_with('-'))
      roots.push_back(words[i]);
    if (text == ";")
      return by.refuse("runs commands", words[i],
                       "it ends a command whose begin cannot be seen");
    if (std::find(running.begin(), running.end(), text) != running.end()) {
      removes |= i + 1 < words.size() && base_name(words[i + 1].text) == "rm";
      i = judge_exec_action(by, words, i + 1, at);
    }
    removes |= text == "-delete";
  }
  if (removes)
    check_trees(by, roots);
}

} // namespace ocw::policy
