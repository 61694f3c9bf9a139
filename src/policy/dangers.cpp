#include "policy/dangers.hpp"

#include "policy/program_rules.hpp"

#include <algorithm>
#include <array>

namespace ocw::policy {

namespace {

constexpr auto harmless_devices = std::to_array<std::string_view>(
  {"null", "zero", "full", "random", "urandom", "stdin", "stdout", "stderr",
   "tty"});
constexpr auto harmless_directories
  = std::to_array<std::string_view>({"fd/", "shm/", "pts/"});

constexpr auto system_trees = std::to_array<std::string_view>(
  {"/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib32", "/lib64", "/opt",
   "/proc", "/root", "/run", "/sbin", "/srv", "/sys", "/usr", "/var"});

// Programs that write to the files they are given.
constexpr auto writers = std::to_array<std::string_view>(
  {"tee", "cp", "mv", "dd", "shred", "truncate", "install", "ln", "wipefs"});

/// An absolute path without what means nothing in it; `..` as if there were no
/// links.
std::string plain_path(std::string_view path) {
  auto parts = std::vector<std::string_view>{};
  while (!path.empty()) {
    const auto slash = std::min(path.find('/'), path.size());
    const auto part = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (part == ".." && !parts.empty())
      parts.pop_back();
    else if (!part.empty() && part != "." && part != "..")
      parts.push_back(part);
  }
  auto out = std::string{};
  for (const auto part : parts)
    out += '/' + std::string{part};
  return out.empty() ? "/" : out;
}

bool is_system_tree(const shell_word& word) {
  if (!word.text.starts_with('/'))
    return false;
  auto path = plain_path(word.text);
  // All that is in a directory is as much as the directory.
  if (path.ends_with("/*") || path.ends_with("/.*"))
    path = plain_path(path.substr(0, path.rfind('/')));
  const auto is_top = path.find('/', 1) == std::string::npos;
  return path == "/" || path == std::string{'/', unknown_char}
         || (is_top && word.expands)
         || std::find(system_trees.begin(), system_trees.end(), path)
              != system_trees.end();
}

bool is_device(const shell_word& word, std::string_view prefix = {}) {
  auto text = std::string_view{word.text};
  if (!text.starts_with(prefix))
    return false;
  text.remove_prefix(prefix.size());
  if (!text.starts_with('/'))
    return false;
  const auto path = plain_path(text);
  if (!path.starts_with("/dev/"))
    return false;
  const auto name = std::string_view{path}.substr(5);
  return std::find(harmless_devices.begin(), harmless_devices.end(), name)
           == harmless_devices.end()
         && std::none_of(
           harmless_directories.begin(), harmless_directories.end(),
           [&](auto directory) { return name.starts_with(directory); });
}

void refuse_device(judge& by, const shell_word& word) {
  by.refuse("> /dev/null", word,
            "of devices only null, zero, full, random, tty and the standard "
            "streams may be used");
}

// -- modes --------------------------------------------------------------------

struct mode_bits {
  bool open = false;   ///< anybody may write
  bool set_id = false; ///< runs as its owner or group
};

/// One clause of a symbolic mode, such as `a+rwx`.
mode_bits bits_of_clause(std::string_view clause) {
  const auto op = clause.find_first_of("+-=");
  if (op == clause.npos)
    return {};
  const auto who = clause.substr(0, op);
  auto bits = mode_bits{};
  auto adds = false;
  for (const auto c : clause.substr(op)) {
    if (c == '+' || c == '=' || c == '-')
      adds = c != '-';
    // Without a `who` the umask keeps others from writing.
    bits.open |= adds && c == 'w' && who.find_first_of("ao") != who.npos;
    bits.set_id |= adds && c == 's' && who != "o";
  }
  return bits;
}

mode_bits bits_of_mode(std::string_view mode) {
  const auto sign = mode.starts_with('=') || mode.starts_with('+');
  if (mode.size() > size_t{sign}
      && mode.find_first_not_of("01234567", sign) == mode.npos) {
    mode.remove_prefix(sign);
    const auto digit = [&](size_t from_end) {
      return mode.size() >= from_end ? mode[mode.size() - from_end] - '0' : 0;
    };
    return {(digit(1) & 2) != 0, (digit(4) & 6) != 0};
  }
  auto all = mode_bits{};
  while (!mode.empty()) {
    const auto comma = std::min(mode.find(','), mode.size());
    const auto bits = bits_of_clause(mode.substr(0, comma));
    all.open |= bits.open;
    all.set_id |= bits.set_id;
    mode.remove_prefix(std::min(comma + 1, mode.size()));
  }
  return all;
}

void check_mode(judge& by, const shell_word& mode) {
  const auto bits = bits_of_mode(mode.text);
  if (bits.set_id && by.in_force().set_id_modes)
    by.refuse("chmod 4755", mode,
              "a program that runs as its owner or group is not wanted here");
  if (bits.open && by.in_force().open_modes)
    by.refuse("chmod 777", mode,
              "files that everybody may write to are not wanted here; give "
              "less, such as 755 or u+w");
}

// -- programs -----------------------------------------------------------------

void check_modes(judge& by, std::string_view name, word_span words) {
  if (name == "chmod") {
    // A mode may look like an option: `chmod -w`.
    for (const auto& word : words.subspan(1))
      if (!word.text.starts_with('-'))
        return check_mode(by, word);
  } else if (name == "install" || name == "mkdir" || name == "mknod"
             || name == "mkfifo") {
    const auto given
      = read_arguments(words, {.letters = "mgotSZ", .words = {"--mode"}});
    for (const auto& one : given.all)
      if (one.name == "-m" || one.name == "--mode")
        check_mode(by, one.value);
  }
}

void check_recursion(judge& by, std::string_view name, word_span words) {
  if (name != "rm" && name != "chmod" && name != "chown" && name != "chgrp")
    return;
  const auto given
    = read_arguments(words, {.flags = {"--recursive", "--no-preserve-root"}});
  if (given.has({"--no-preserve-root"}))
    return by.refuse("rm -rf /", words.front(),
                     "nothing needs --no-preserve-root");
  if (given.has({"-R", "--recursive"}) || (name == "rm" && given.has({"-r"})))
    check_trees(by, given.operands());
}

} // namespace

void check_trees(judge& by, word_span paths) {
  if (!by.in_force().system_tree)
    return;
  for (const auto& path : paths)
    if (is_system_tree(path))
      by.refuse("rm -rf /", path,
                "a directory of the system is not a job's to remove or "
                "change; name what is in the job's own directory");
}

void check_target(judge& by, const shell_word& target) {
  if (by.in_force().devices && is_device(target))
    refuse_device(by, target);
}

void check_fork_bomb(judge& by, const shell_script& script,
                     const shell_function& function) {
  for (auto i = function.first; i < function.last; ++i) {
    const auto& one = script.commands[i];
    if (one.concurrent && !one.words.empty()
        && one.words.front().text == function.name)
      by.refuse("fork bomb", one.words.front(),
                "the function starts itself more than once");
  }
}

void check_dangers(judge& by, std::string_view name, word_span words) {
  check_modes(by, name, words);
  if (by.in_force().system_tree)
    check_recursion(by, name, words);
  if (!by.in_force().devices)
    return;
  const auto writes
    = std::find(writers.begin(), writers.end(), name) != writers.end()
      || name.starts_with("mkfs");
  for (const auto& word : words.subspan(1))
    if (writes && (is_device(word) || is_device(word, "of=")))
      refuse_device(by, word);
}

} // namespace ocw::policy
