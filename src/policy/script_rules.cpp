#include "policy/program_rules.hpp"

#include <algorithm>

// sed and awk: programs in an argument, as far as they run others.

namespace ocw::policy {

namespace {

// -- sed ----------------------------------------------------------------------

/// Looks for the command `e` and the flag `e` of a substitution. It gives up
/// where it does not understand the script, as sed does.
class sed_reader {
public:
  explicit sed_reader(std::string_view script) : rest_(script) {}

  bool runs_commands() {
    while (!rest_.empty() && !found_) {
      skip(" \t\n;{}!,~+0123456789$\x01");
      if (rest_.empty())
        break;
      const auto c = take();
      if (c == '/' || c == '\\')
        address(c);
      else if (!command(c))
        break;
    }
    return found_;
  }

private:
  char take() {
    const auto c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  void skip(std::string_view what) {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(what), rest_.size()));
  }
  void skip_to(std::string_view what) {
    rest_.remove_prefix(std::min(rest_.find_first_of(what), rest_.size()));
  }

  /// Up to an unescaped delimiter; sed does not look for brackets either.
  void part(char delimiter) {
    while (!rest_.empty()) {
      const auto c = take();
      if (c == delimiter)
        return;
      if (c == '\\' && !rest_.empty())
        take();
    }
  }

  void address(char first) {
    const auto delimiter = first == '\\' && !rest_.empty() ? take() : first;
    part(delimiter);
    skip("IM");
  }

  bool command(char c) {
    switch (c) {
    case 'e':
      found_ = true;
      return true;
    case 's':
    case 'y':
      return substitution(c == 's');
    case 'a':
    case 'i':
    case 'c':
      return text();
    case '#':
    case 'r':
    case 'R':
    case 'w':
    case 'W':
      skip_to("\n");
      return true;
    case 'b':
    case 't':
    case 'T':
    case ':':
    case 'v':
      skip_to("\n;}");
      return true;
    default:
      return std::string_view{"=dDgGhHnNpPqQlLxzF"}.find(c)
             != std::string_view::npos;
    }
  }

  // A backslash at the end of a line takes the next one too.
  bool text() {
    while (!rest_.empty()) {
      const auto c = take();
      if (c == '\\' && !rest_.empty())
        take();
      else if (c == '\n')
        break;
    }
    return true;
  }

  bool substitution(bool has_flags) {
    if (rest_.empty())
      return false;
    const auto delimiter = take();
    part(delimiter);
    part(delimiter);
    while (has_flags && !rest_.empty()) {
      const auto c = rest_.front();
      if (c == 'w') {
        skip_to("\n");
        return true;
      }
      found_ |= c == 'e';
      if (std::string_view{"gpIiMme0123456789"}.find(c)
          == std::string_view::npos)
        return true;
      take();
    }
    return true;
  }

  std::string_view rest_;
  bool found_ = false;
};

// -- awk ----------------------------------------------------------------------

/// Looks for what runs programs, outside of texts, patterns and comments.
class awk_reader {
public:
  explicit awk_reader(std::string_view program) : rest_(program) {}

  bool runs_commands() {
    while (!rest_.empty() && !found_) {
      const auto c = rest_.front();
      if (c == '"')
        quoted();
      else if (c == '#')
        rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
      else if (c == '/' && !after_value_)
        pattern();
      else if (is_word(c))
        name();
      else
        symbol(c);
    }
    return found_;
  }

private:
  static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'
           || (c >= '0' && c <= '9');
  }

  void quoted() {
    auto i = size_t{1};
    while (i < rest_.size() && rest_[i] != '"')
      i += rest_[i] == '\\' ? 2 : 1;
    rest_.remove_prefix(std::min(i + 1, rest_.size()));
    after_value_ = true;
  }

  void pattern() {
    auto i = size_t{1};
    while (i < rest_.size() && rest_[i] != '/' && rest_[i] != '\n')
      i += rest_[i] == '\\' ? 2 : 1;
    // Not closed: it divides.
    const auto closed = i < rest_.size() && rest_[i] == '/';
    rest_.remove_prefix(closed ? i + 1 : 1);
    after_value_ = closed;
  }

  void name() {
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), is_word);
    const auto word = rest_.substr(0, static_cast<size_t>(end - rest_.begin()));
    found_ |= word == "system";
    rest_.remove_prefix(word.size());
    after_value_ = word != "return" && word != "print" && word != "in";
  }

  void symbol(char c) {
    const auto two = rest_.substr(0, 2);
    // `|` is a pipe to or from a command, `@` calls or loads by name.
    found_ |= (c == '|' && two != "||") || c == '@';
    if (c == ')' || c == ']')
      after_value_ = true;
    else if (c != ' ' && c != '\t')
      after_value_ = false;
    rest_.remove_prefix(two == "||" ? 2 : 1);
  }

  std::string_view rest_;
  bool found_ = false;
  bool after_value_ = false;
};

} // namespace

void judge_sed(judge& by, word_span words, const place&) {
  const auto given = read_arguments(
    words, {.letters = "efl",
            .words = {"--expression", "--file", "--line-length"},
            .attached = "i"});
  auto scripts = std::vector<shell_word>{};
  for (const auto& [name, value] : given.all)
    if (name == "-e" || name == "--expression")
      scripts.push_back(value);
  const auto rest = given.operands();
  if (scripts.empty() && !given.has({"-f", "--file"}) && !rest.empty())
    scripts.push_back(rest.front());
  for (const auto& script : scripts)
    if (sed_reader{script.text}.runs_commands())
      by.refuse("runs commands", script,
                "the script of sed has the command or flag 'e', which runs "
                "others");
}

void judge_awk(judge& by, word_span words, const place&) {
  const auto given = read_arguments(
    words, {.letters = "fvFeEli",
            .words = {"--source", "--file", "--assign", "--field-separator",
                      "--exec", "--load", "--include"},
            .operands_end_options = true});
  auto programs = std::vector<shell_word>{};
  for (const auto& [name, value] : given.all) {
    if (name == "-e" || name == "--source")
      programs.push_back(value);
    if (name == "-l" || name == "--load")
      by.refuse("runs commands", words.front(), "-l loads a library");
  }
  const auto rest = given.operands();
  if (programs.empty() && !given.has({"-f", "--file", "-E", "--exec"})
      && !rest.empty())
    programs.push_back(rest.front());
  for (const auto& program : programs)
    if (awk_reader{program.text}.runs_commands())
      by.refuse("runs commands", program,
                "the program of awk runs others: system(), '|' or '@'");
}

} // namespace ocw::policy
