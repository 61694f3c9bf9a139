#include "policy/program_rules.hpp"

#include <algorithm>
#include <array>

// git: aliases, settings and subcommands that run programs.

namespace ocw::policy {

namespace {

// Settings whose value is a command, by the end of the key. Git reads keys
// without regard to case.
constexpr auto command_keys = std::to_array<std::string_view>(
  {"core.pager", "core.editor", "core.sshcommand", "core.fsmonitor",
   "core.askpass", "core.gitproxy", "core.alternaterefscommand",
   "sequence.editor", "diff.external", "gpg.program", "interactive.difffilter",
   "uploadpack.packobjectshook", "web.browser"});
constexpr auto command_endings = std::to_array<std::string_view>(
  {".command", ".textconv", ".cmd", ".driver", ".clean", ".smudge", ".process",
   ".program", ".uploadpack", ".receivepack", ".sendmailcmd"});
// Settings that bring in others, or programs, from elsewhere.
constexpr auto refused_keys
  = std::to_array<std::string_view>({"core.hookspath", "init.templatedir",
                                     "protocol.ext.allow", "protocol.allow"});

std::string lower(std::string_view text) {
  auto out = std::string{text};
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  return out;
}

template <class List>
bool has(const List& list, std::string_view what) {
  return std::find(list.begin(), list.end(), what) != list.end();
}

bool is_command_key(const std::string& key) {
  return has(command_keys, key) || key.starts_with("pager.")
         || key.starts_with("credential.")
         || std::any_of(command_endings.begin(), command_endings.end(),
                        [&](auto ending) { return key.ends_with(ending); });
}

void judge_text(judge& by, const shell_word& value) {
  if (value.known())
    by.text(value.text, value);
  else
    by.refuse_unknown(value);
}

void judge_setting(judge& by, std::string_view written, shell_word value) {
  const auto key = lower(written);
  if (has(refused_keys, key) || key.starts_with("include"))
    return by.refuse("runs commands", value,
                     "this setting of git brings in programs or settings from "
                     "elsewhere");
  const auto is_shell = value.text.starts_with('!');
  if (is_shell && value.known()) {
    value.text.erase(0, 1);
    return judge_text(by, value);
  }
  const auto is_switch
    = value.text.empty() || value.text == "true" || value.text == "false";
  // A helper without a path is a program git-credential-NAME.
  const auto is_helper = key.starts_with("credential.") && value.known()
                         && !value.text.starts_with('/');
  if (key.starts_with("alias.")
        ? !value.known()
        : is_command_key(key) && !is_switch && !is_helper)
    judge_text(by, value);
}

/// `key=value`, as `-c` takes it.
void judge_pair(judge& by, const shell_word& pair) {
  const auto equals = pair.text.find('=');
  const auto key = pair.text.substr(0, equals);
  if (key.find(unknown_char) != std::string::npos)
    return by.refuse_unknown(pair);
  auto value = pair;
  value.text.erase(0,
                   equals == std::string::npos ? pair.text.size() : equals + 1);
  judge_setting(by, key, std::move(value));
}

constexpr auto global_with_value = std::to_array<std::string_view>(
  {"-C", "-c", "--git-dir", "--work-tree", "--namespace", "--super-prefix",
   "--attr-source", "--list-cmds"});

/// The options in front of the subcommand; returns where that is.
size_t judge_global(judge& by, word_span words) {
  auto i = size_t{1};
  for (; i < words.size() && words[i].text.starts_with('-'); ++i) {
    const auto& text = words[i].text;
    if (text.starts_with("--config-env") || text.starts_with("--exec-path=")) {
      by.refuse("runs commands", words[i],
                "it brings in programs or settings from elsewhere");
    } else if (text == "-c" && i + 1 < words.size()) {
      judge_pair(by, words[++i]);
    } else if (has(global_with_value, text)) {
      ++i;
    }
  }
  return i;
}

/// Options of subcommands that are a command of their own.
void judge_options(judge& by, std::string_view verb, word_span words) {
  const auto given = read_arguments(
    words, {.letters = verb == "clone"      ? "cubo"
                       : verb == "rebase"   ? "xsX"
                       : verb == "difftool" ? "xt"
                                            : "",
            .words = {"--exec", "--upload-pack", "--receive-pack", "--extcmd",
                      "--config", "--sendmail-cmd"},
            .attached = verb == "grep" ? "O" : ""});
  for (const auto& [name, value] : given.all) {
    const auto is_setting
      = verb == "clone" && (name == "-c" || name == "--config");
    const auto is_command
      = name == "--exec" || name == "--upload-pack" || name == "--receive-pack"
        || name == "--extcmd" || name == "--sendmail-cmd"
        || (verb == "rebase" && name == "-x")
        || (verb == "difftool" && name == "-x")
        || (verb == "clone" && name == "-u") || name == "--open-files-in-pager"
        || (verb == "grep" && name == "-O");
    if (is_setting)
      judge_pair(by, value);
    else if (is_command && !value.text.empty())
      judge_text(by, value);
  }
}

void judge_config(judge& by, word_span words) {
  const auto given
    = read_arguments(words, {.letters = "f", .words = {"--file", "--type"}});
  auto rest = given.operands();
  if (!rest.empty()
      && (rest.front().text == "set" || rest.front().text == "get"))
    rest.erase(rest.begin());
  if (rest.size() < 2)
    return;
  if (!rest[0].known())
    return by.refuse_unknown(rest[0]);
  judge_setting(by, rest[0].text, rest[1]);
}

/// Subcommands whose arguments are a command.
void judge_verb(judge& by, word_span words, const place& at) {
  const auto verb = std::string_view{words.front().text};
  const auto second = words.size() > 1 ? words[1].text : std::string{};
  if (verb == "config")
    return judge_config(by, words);
  if (verb == "bisect" && second == "run")
    return by.program(words.subspan(2), {at.in, at.command, lookup::programs});
  if (verb == "submodule" && second == "foreach") {
    auto rest = words.subspan(2);
    while (!rest.empty() && rest.front().text.starts_with('-'))
      rest = rest.subspan(1);
    for (const auto& word : rest)
      if (!word.known())
        return by.refuse_unknown(word);
    return by.text(joined(rest), words[1]);
  }
  if (verb == "filter-branch" || verb == "daemon" || verb == "instaweb"
      || verb == "for-each-repo")
    return by.refuse("runs commands", words.front(),
                     "this subcommand of git runs others");
  judge_options(by, verb, words);
}

} // namespace

void judge_git(judge& by, word_span words, const place& at) {
  for (const auto& word : words)
    if (word.text.starts_with("ext::"))
      return by.refuse("runs commands", word,
                       "an address of this kind is a command");
  const auto verb = judge_global(by, words);
  if (by.refused() || verb >= words.size())
    return;
  if (!words[verb].known())
    return by.refuse_unknown(words[verb]);
  judge_verb(by, words.subspan(verb), at);
}

} // namespace ocw::policy
