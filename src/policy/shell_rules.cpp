#include "policy/program_rules.hpp"

#include <algorithm>

// Shells and other languages, as programs.

namespace ocw::policy {

namespace {

bool is_standard_input(std::string_view path) {
  return path == "-" || path == "/dev/stdin" || path == "/dev/tty"
         || path.starts_with("/dev/fd/") || path.starts_with("/proc/self/fd/");
}

/// What is written in front of a command for it to read, if anything is.
const shell_redirection* input_of(const place& at) {
  const shell_redirection* found = nullptr;
  if (at.command != nullptr)
    for (const auto& one : at.command->redirections)
      if (one.op.starts_with('<') && (one.fd.empty() || one.fd == "0"))
        found = &one;
  return found;
}

bool is_fed(const place& at) {
  return at.command != nullptr && at.command->feeder != no_index;
}

/// Whether curl or wget writes into the pipe that is read here.
bool is_fed_by_download(const place& at) {
  if (!is_fed(at) || at.in == nullptr)
    return false;
  const auto& feeders = at.in->script.feeders;
  for (auto i = at.command->feeder; i != no_index; i = feeders[i].outer) {
    const auto& counts = at.in->downloads;
    if (counts[feeders[i].last] > counts[feeders[i].first])
      return true;
  }
  return false;
}

/// A shell that reads its commands from its standard input.
void judge_input(judge& by, const shell_word& name, const place& at) {
  const auto* input = input_of(at);
  const auto is_text = input != nullptr && input->op.starts_with("<<");
  if (is_text && !input->target.dynamic)
    return by.text(input->target.text, name);
  if (is_text)
    return by.refuse_unknown(input->target);
  if (input != nullptr && !is_fed_by_download(at) && !input->target.from_output
      && input->op == "<" && !is_standard_input(input->target.text))
    return; // a script, as if it were an argument
  const auto& rules = by.in_force();
  if (rules.pipe_to_shell || (rules.downloads && is_fed_by_download(at)))
    by.refuse("| sh", name,
              "it would run whatever it reads; write a script and run that, "
              "or use -c");
}

struct shell_options {
  size_t at = 1;      ///< the first word that is no option
  bool text = false;  ///< -c
  bool input = false; ///< -s
  bool shows = false; ///< --version, --help
};

/// Options of a shell may be given with `+`, and do not stop at `-c`.
shell_options options_of(judge& by, word_span words) {
  auto found = shell_options{};
  while (found.at < words.size()) {
    const auto& word = words[found.at];
    const auto& text = word.text;
    const auto is_option
      = text.size() > 1 && (text[0] == '-' || text[0] == '+');
    const auto may_be_one
      = word.dynamic && !word.from_output && text[0] == unknown_char;
    if (!is_option && !may_be_one)
      return found;
    // What could be an option must be known; a path cannot be one.
    if (!word.known()) {
      if (is_option || text.find('/') == text.npos)
        by.refuse_unknown(word);
      return found;
    }
    ++found.at;
    if (text == "--")
      return found;
    if (text == "--version" || text == "--help")
      found.shows = true;
    else if (text == "--rcfile" || text == "--init-file")
      ++found.at;
    else if (!text.starts_with("--")) {
      found.text |= text[0] == '-' && text.find('c') != text.npos;
      found.input |= text[0] == '-' && text.find('s') != text.npos;
      const auto with_value = std::count_if(
        text.begin(), text.end(), [](char c) { return c == 'o' || c == 'O'; });
      found.at += static_cast<size_t>(with_value);
    }
  }
  return found;
}

} // namespace

void judge_shell(judge& by, word_span words, const place& at) {
  const auto options = options_of(by, words);
  if (by.refused() || options.shows)
    return;
  const auto has_operand = options.at < words.size();
  if (options.text) {
    if (!has_operand)
      return;
    const auto& commands = words[options.at];
    return commands.known() ? by.text(commands.text, commands)
                            : by.refuse_unknown(commands);
  }
  if (!has_operand || options.input
      || is_standard_input(words[options.at].text))
    return judge_input(by, words.front(), at);
  if (words[options.at].from_output)
    by.refuse("| sh", words[options.at],
              "it would run what other commands print; write a script and run "
              "that");
}

// Any of these runs what it is given: that is what allowing it means. Only a
// program that comes from the network unseen is another thing.
void judge_interpreter(judge& by, word_span words, const place& at) {
  if (!by.in_force().downloads || !is_fed_by_download(at))
    return;
  const auto reads_program
    = std::none_of(words.begin() + 1, words.end(), [](const auto& word) {
        return !is_standard_input(word.text)
               && (word.dynamic || !word.text.starts_with('-')
                   || word.text.find_first_of("cemp") != std::string::npos);
      });
  if (reads_program)
    by.refuse("curl | sh", words.front(),
              "it would run what is downloaded; store it in a file, look at "
              "it, and run that");
}

} // namespace ocw::policy
