#include "policy/shell_reader.hpp"

#include <algorithm>
#include <array>
#include <utility>

// Simple commands, assignments and functions.

namespace ocw::policy {

namespace {

constexpr auto declaring = std::to_array<std::string_view>(
  {"declare", "typeset", "local", "export", "readonly"});

bool is_function_name(const shell_word& word) {
  return word.known() && !word.quoted && !word.text.empty()
         && word.text.find('=') == std::string::npos;
}

/// How much of `name=`, `name+=`, `name[…]=` is at the front; 0 if none is. A
/// subscript with a blank in it is not recognised, and fails later.
size_t assignment_length(std::string_view source) {
  auto length = name_length(source);
  if (length == 0)
    return 0;
  if (length < source.size() && source[length] == '[') {
    const auto close = source.find(']', length);
    if (close == std::string_view::npos)
      return 0;
    length = close + 1;
  }
  if (length < source.size() && source[length] == '+')
    ++length;
  return length < source.size() && source[length] == '=' ? length + 1 : 0;
}

} // namespace

size_t shell_reader::add_command() {
  auto added = shell_command{};
  added.feeder = feeder_;
  added.function = function_;
  script_.commands.push_back(std::move(added));
  return script_.commands.size() - 1;
}

void shell_reader::command() {
  const auto inside = level{*this};
  skip_blanks();
  if (at_end() || list_ends())
    return fail("a command is missing");
  if (compound())
    return redirections_of_compound();
  simple();
}

void shell_reader::simple() {
  const auto index = add_command();
  while (simple_part(index))
    skip_blanks();
  if (index >= script_.commands.size())
    return; // it was a function's head
  const auto& made = script_.commands[index];
  if (made.words.empty() && made.assignments.empty()
      && made.redirections.empty())
    fail("a command is missing");
}

/// Takes one word, assignment or redirection. False at the command's end.
bool shell_reader::simple_part(size_t index) {
  skip_blanks();
  if (at_end() || peek() == '\n')
    return false;
  if (redirection(index))
    return true;
  const auto& so_far = script_.commands[index];
  if (peek() == '(' && so_far.words.size() == 1 && so_far.assignments.empty()
      && so_far.redirections.empty() && is_function_name(so_far.words[0])) {
    auto name = so_far.words[0].text;
    script_.commands.pop_back();
    function_named(std::move(name));
    return false;
  }
  if (peek() == '(') {
    fail("a bracket cannot stand here");
    return false;
  }
  if (is_metacharacter(peek()) && !looking_at("<(") && !looking_at(">("))
    return false;
  if (assignment(index) || declared_array(index))
    return true;
  auto made = word();
  script_.commands[index].words.push_back(std::move(made));
  return true;
}

// -- assignments --------------------------------------------------------------

bool shell_reader::assignment(size_t index) {
  if (!script_.commands[index].words.empty())
    return false;
  const auto rest = text_.substr(pos_);
  const auto name = name_length(rest);
  const auto next = name < rest.size() ? rest[name] : '\0';
  if (name == 0 || (next != '=' && next != '+' && next != '['))
    return false;
  const auto begin = pos_;
  auto whole = word();
  const auto length = assignment_length(whole.source);
  if (length == 0) {
    script_.commands[index].words.push_back(std::move(whole));
    return true;
  }
  auto made = shell_assignment{std::string{text_.substr(begin, name)}, {}};
  const auto equals
    = whole.text.find('=', next == '[' ? whole.text.find(']') : 0);
  made.value = std::move(whole);
  if (made.value.source.size() == length && peek() == '(') {
    array(made);
  } else {
    made.value.source.erase(0, length);
    made.value.text.erase(0, equals + 1);
  }
  script_.commands[index].assignments.push_back(std::move(made));
  return true;
}

/// `declare -a x=(…)`: arrays as arguments of what declares variables.
bool shell_reader::declared_array(size_t index) {
  const auto& words = script_.commands[index].words;
  if (words.empty()
      || std::find(declaring.begin(), declaring.end(), words[0].text)
           == declaring.end())
    return false;
  const auto rest = text_.substr(pos_);
  const auto name = name_length(rest);
  auto length = name;
  if (length < rest.size() && rest[length] == '+')
    ++length;
  if (name == 0 || !rest.substr(length).starts_with("=("))
    return false;
  auto made = shell_assignment{std::string{rest.substr(0, name)}, {}};
  pos_ += length + 1;
  array(made);
  script_.commands[index].assignments.push_back(std::move(made));
  return true;
}

void shell_reader::array(shell_assignment& into) {
  expect("(");
  skip_blanks_and_lines();
  auto all = shell_word{};
  while (!at_end() && peek() != ')') {
    if (is_metacharacter(peek()) && !looking_at("<(") && !looking_at(">("))
      return fail("an operator cannot stand in an array");
    auto element = word();
    all.text += all.text.empty() ? element.text : " " + element.text;
    all.dynamic |= element.dynamic;
    all.expands |= element.expands;
    all.from_output |= element.from_output;
    skip_blanks_and_lines();
  }
  expect(")");
  if (!at_end() && !is_metacharacter(peek()))
    return fail("a word goes on behind an array");
  all.source = all.text;
  into.value = std::move(all);
}

// -- functions ----------------------------------------------------------------

/// Behind the name of `name() { … }`.
void shell_reader::function_named(std::string name) {
  expect("(");
  skip_blanks();
  expect(")");
  skip_blanks_and_lines();
  function_body(std::move(name));
}

void shell_reader::function_body(std::string name) {
  const auto certain = conditions_ == 0 && function_ == no_index;
  const auto index = script_.functions.size();
  if (index >= max_functions)
    return fail("there are too many functions");
  script_.functions.push_back(
    {std::move(name), script_.commands.size(), 0, certain});
  const auto outer = std::exchange(function_, index);
  const auto outer_feeder = std::exchange(feeder_, no_index);
  if (!compound())
    fail("a function's body is missing");
  redirections_of_compound();
  feeder_ = outer_feeder;
  function_ = outer;
  script_.functions[index].last = script_.commands.size();
}

} // namespace ocw::policy
