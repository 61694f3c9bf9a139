#include "policy/program_rules.hpp"

#include <algorithm>
#include <array>

// tar and others with an option that is a command.

namespace ocw::policy {

namespace {

void judge_text(judge& by, const shell_word& text) {
  if (text.known())
    by.text(text.text, text);
  else
    by.refuse_unknown(text);
}

/// Judges an option that is a command of its own.
void judge_options(judge& by, const arguments& given,
                   std::initializer_list<std::string_view> names) {
  for (const auto& one : given.all)
    if (!one.name.empty()
        && std::find(names.begin(), names.end(), one.name) != names.end())
      judge_text(by, one.value);
}

} // namespace

void judge_tar(judge& by, word_span words, const place&) {
  // The old style: the first word is letters, and their values follow it.
  if (words.size() > 1 && !words[1].text.starts_with('-')
      && words[1].text.find_first_of("IF") != std::string::npos
      && words[1].text.find('/') == std::string::npos)
    return by.refuse("runs commands", words[1],
                     "write the option that runs a program with a dash, last");
  const auto given = read_arguments(
    words,
    {.letters = "bCfFgHIKLNTVX",
     .words = {"--checkpoint-action", "--to-command", "--use-compress-program",
               "--rsh-command", "--rmt-command", "--info-script",
               "--new-volume-script", "--file", "--directory"}});
  for (const auto& [name, value] : given.all) {
    if (name != "--checkpoint-action")
      continue;
    if (!value.known())
      return by.refuse_unknown(value);
    if (value.text.starts_with("exec="))
      by.text(value.text.substr(5), value);
  }
  judge_options(by, given,
                {"--to-command", "-I", "--use-compress-program",
                 "--rsh-command", "--rmt-command", "-F", "--info-script",
                 "--new-volume-script"});
}

void judge_other(judge& by, word_span words, const place&) {
  const auto name = base_name(words.front().text);
  auto names = option_names{};
  if (name == "sort")
    names = {.letters = "kotST", .words = {"--compress-program"}};
  else if (name == "split")
    names = {.letters = "abClnt", .words = {"--filter"}};
  else if (name == "zip")
    names = {.words = {"--unzip-command", "-TT"}};
  else if (name == "wget")
    names
      = {.letters = "eoaiBtOTwQPUD", .words = {"--use-askpass", "--execute"}};
  else if (name == "install")
    names = {.letters = "mgotS", .words = {"--strip-program"}};
  const auto given = read_arguments(words, names);
  judge_options(by, given,
                {"--compress-program", "--filter", "--unzip-command",
                 "--use-askpass", "--strip-program"});
  for (const auto& word : words)
    if (name == "zip" && word.text.starts_with("-TT"))
      by.refuse("runs commands", word, "-TT runs a command of its own");
  for (const auto& one : given.all)
    if (name == "wget" && (one.name == "-e" || one.name == "--execute")
        && one.value.text.find("askpass") != std::string::npos)
      by.refuse("runs commands", one.value, "it runs a program");
}

} // namespace ocw::policy
