#include "policy/shell_reader.hpp"

#include <algorithm>
#include <array>

// The reader itself: characters, lists, pipelines.

namespace ocw::policy {

namespace {

// Words that end a list where a command could begin.
constexpr auto closing_words = std::to_array<std::string_view>(
  {"}", "then", "elif", "else", "fi", "do", "done", "esac"});

constexpr auto shown_length = size_t{24};
constexpr auto longest_reserved_word = size_t{8};

} // namespace

bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t';
}
bool is_metacharacter(char c) noexcept {
  return std::string_view{" \t\n;&|<>()"}.find(c) != std::string_view::npos;
}
bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}
bool is_name_start(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_name_char(char c) noexcept {
  return is_name_start(c) || is_digit(c);
}
size_t name_length(std::string_view text) noexcept {
  if (text.empty() || !is_name_start(text.front()))
    return 0;
  const auto end = std::find_if_not(text.begin(), text.end(), is_name_char);
  return static_cast<size_t>(end - text.begin());
}

std::variant<shell_script, parse_failure> parse_shell(std::string_view text) {
  return shell_reader{text}.read();
}

std::variant<shell_script, parse_failure> shell_reader::read() {
  if (text_.find('\0') != std::string_view::npos)
    fail("it has a byte of value 0");
  list();
  if (!at_end())
    fail("nothing is open that this could close");
  read_bodies(); // one whose line the text does not have fails
  if (failure_)
    return std::move(*failure_);
  return std::move(script_);
}

// -- characters ---------------------------------------------------------------

void shell_reader::fail(std::string what) {
  if (!failure_) {
    const auto at = std::min(pos_, text_.size());
    const auto before = text_.substr(0, at);
    failure_ = parse_failure{
      std::move(what), std::string{text_.substr(at, shown_length)},
      1 + static_cast<size_t>(std::count(before.begin(), before.end(), '\n'))};
  }
  pos_ = text_.size();
}

bool shell_reader::take(std::string_view what) {
  if (!looking_at(what))
    return false;
  pos_ += what.size();
  return true;
}

void shell_reader::expect(std::string_view what) {
  if (!take(what))
    fail("'" + std::string{what} + "' is missing");
}

// A comment begins where a word could.
void shell_reader::skip_blanks() {
  while (!at_end()) {
    if (is_blank(peek())) {
      ++pos_;
    } else if (looking_at("\\\n")) {
      pos_ += 2;
    } else if (peek() == '#') {
      pos_ = std::min(text_.find('\n', pos_), text_.size());
      return;
    } else {
      return;
    }
  }
}

void shell_reader::skip_line_break() {
  ++pos_;
  read_bodies();
}

void shell_reader::skip_blanks_and_lines() {
  skip_blanks();
  while (peek() == '\n') {
    skip_line_break();
    skip_blanks();
  }
}

/// The unquoted word that begins here, if it could be a reserved one.
std::string_view shell_reader::bare_word() const {
  auto length = size_t{0};
  while (length <= longest_reserved_word && pos_ + length < text_.size()
         && !is_metacharacter(peek(length)))
    ++length;
  return text_.substr(std::min(pos_, text_.size()), length);
}

bool shell_reader::take_reserved(std::string_view word) {
  if (at_end() || bare_word() != word)
    return false;
  pos_ += word.size();
  return true;
}

// -- lists --------------------------------------------------------------------

bool shell_reader::list_ends() const {
  if (at_end() || peek() == ')' || looking_at(";;") || looking_at(";&"))
    return true;
  return std::find(closing_words.begin(), closing_words.end(), bare_word())
         != closing_words.end();
}

/// Commands up to what closes them, which is left to the caller.
void shell_reader::list() {
  const auto inside = level{*this};
  skip_blanks_and_lines();
  while (!list_ends()) {
    const auto first = script_.commands.size();
    const auto first_function = script_.functions.size();
    and_or();
    skip_blanks();
    if (looking_at("&") && !looking_at("&&")) {
      ++pos_;
      mark_concurrent(first);
      doubt_functions(first_function);
    } else if (peek() == ';' && peek(1) != ';' && peek(1) != '&') {
      ++pos_;
    } else if (!at_end() && peek() != '\n' && !list_ends()) {
      return fail("a command cannot go on like this");
    }
    skip_blanks_and_lines();
  }
}

void shell_reader::and_or() {
  pipeline();
  const auto first_function = script_.functions.size();
  skip_blanks();
  while (take("&&") || take("||")) {
    skip_blanks_and_lines();
    pipeline();
    skip_blanks();
  }
  doubt_functions(first_function);
}

void shell_reader::pipeline() {
  pipeline_prefix();
  const auto first = script_.commands.size();
  const auto first_function = script_.functions.size();
  const auto outer = feeder_;
  auto stages = size_t{1};
  command();
  skip_blanks();
  while (peek() == '|' && peek(1) != '|') {
    take("|");
    take("&");
    skip_blanks_and_lines();
    script_.feeders.push_back({first, script_.commands.size(), outer});
    feeder_ = script_.feeders.size() - 1;
    command();
    ++stages;
    skip_blanks();
  }
  feeder_ = outer;
  if (stages > 1) {
    mark_concurrent(first);
    doubt_functions(first_function);
  }
}

void shell_reader::pipeline_prefix() {
  skip_blanks();
  while (take_reserved("!") || take_reserved("time")) {
    skip_blanks();
    while (take_reserved("-p") || take_reserved("--"))
      skip_blanks();
  }
}

void shell_reader::mark_concurrent(size_t first_command) {
  for (auto i = first_command; i < script_.commands.size(); ++i)
    script_.commands[i].concurrent = true;
}

void shell_reader::doubt_functions(size_t first) {
  for (auto i = first; i < script_.functions.size(); ++i)
    script_.functions[i].certain = false;
}

} // namespace ocw::policy
