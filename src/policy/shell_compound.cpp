#include "policy/shell_reader.hpp"

#include <algorithm>
#include <utility>

// Compound commands.

namespace ocw::policy {

/// Takes a compound command if one begins here.
bool shell_reader::compound() {
  const auto is = [this](std::string_view word) { return take_reserved(word); };
  ++conditions_;
  auto found = true;
  if (looking_at("((")) {
    pos_ += 2;
    arithmetic("))", "");
  } else if (peek() == '(') {
    subshell();
  } else if (is("{")) {
    --conditions_; // a group is as certain as what is around it
    group();
    ++conditions_;
  } else if (is("if")) {
    if_clause();
  } else if (is("while") || is("until")) {
    loop();
  } else if (is("for") || is("select")) {
    for_clause();
  } else if (is("case")) {
    case_clause();
  } else if (is("[[")) {
    condition();
  } else if (is("coproc")) {
    fail("what follows 'coproc' is read in several ways; use '&' or a pipe");
  } else {
    found = false;
  }
  --conditions_;
  if (!found && is("function")) {
    function_clause();
    return true;
  }
  return found;
}

void shell_reader::subshell() {
  expect("(");
  list();
  expect(")");
}

void shell_reader::group() {
  list();
  if (!take_reserved("}"))
    fail("'}' is missing");
}

void shell_reader::if_clause() {
  list();
  if (!take_reserved("then"))
    return fail("'then' is missing");
  list();
  while (take_reserved("elif")) {
    list();
    if (!take_reserved("then"))
      return fail("'then' is missing");
    list();
  }
  if (take_reserved("else"))
    list();
  if (!take_reserved("fi"))
    fail("'fi' is missing");
}

void shell_reader::loop() {
  list();
  do_group();
}

void shell_reader::do_group() {
  if (!take_reserved("do"))
    return fail("'do' is missing");
  list();
  if (!take_reserved("done"))
    fail("'done' is missing");
}

void shell_reader::for_clause() {
  skip_blanks();
  if (take("((")) {
    arithmetic("))", ";");
  } else {
    const auto name = name_length(text_.substr(std::min(pos_, text_.size())));
    if (name == 0)
      return fail("a variable's name is missing");
    auto set = shell_assignment{std::string{text_.substr(pos_, name)}, {}};
    set.value.text = unknown_char;
    set.value.source = "(of a loop)";
    set.value.dynamic = true;
    script_.commands[add_command()].assignments.push_back(std::move(set));
    pos_ += name;
    skip_blanks_and_lines();
    if (take_reserved("in"))
      for_words();
  }
  skip_blanks();
  take(";");
  skip_blanks_and_lines();
  do_group();
}

void shell_reader::for_words() {
  skip_blanks();
  while (!at_end() && (!is_metacharacter(peek()) || looking_at("<("))) {
    static_cast<void>(word());
    skip_blanks();
  }
  if (peek() != ';' && peek() != '\n')
    fail("the words of a loop cannot go on like this");
}

void shell_reader::case_clause() {
  skip_blanks();
  static_cast<void>(word());
  skip_blanks_and_lines();
  if (!take_reserved("in"))
    return fail("'in' is missing");
  skip_blanks_and_lines();
  while (!take_reserved("esac")) {
    if (at_end())
      return fail("'esac' is missing");
    case_item();
    skip_blanks_and_lines();
  }
}

void shell_reader::case_item() {
  take("(");
  do {
    skip_blanks();
    const auto before = pos_;
    static_cast<void>(word());
    if (pos_ == before)
      return fail("a pattern is missing");
    skip_blanks();
  } while (take("|"));
  expect(")");
  list();
  if (take(";;&") || take(";;") || take(";&"))
    return;
  if (bare_word() != "esac")
    fail("';;' is missing");
}

void shell_reader::function_clause() {
  skip_blanks();
  auto name = word();
  if (!name.known() || name.quoted || name.text.empty())
    return fail("a function's name is missing");
  skip_blanks();
  // Without brackets it is read as if it had them.
  if (peek() == '(')
    return function_named(std::move(name.text));
  skip_blanks_and_lines();
  function_body(std::move(name.text));
}

// -- [[ … ]] ------------------------------------------------------------------

void shell_reader::condition() {
  auto open = size_t{0};
  auto after_match = false;
  skip_blanks_and_lines();
  while (!at_end()) {
    if (open == 0 && take_reserved("]]"))
      return;
    const auto is_file = looking_at("<(") || looking_at(">(");
    if (after_match) {
      condition_pattern();
      after_match = false;
    } else if (take("&&") || take("||")
               || (!is_file && (take("<") || take(">")))) {
      // operators
    } else if (take("(")) {
      ++open;
    } else if (open > 0 && take(")")) {
      --open;
    } else if (is_metacharacter(peek()) && !is_file) {
      return fail("this cannot stand in '[[ ]]'");
    } else {
      after_match = condition_word();
    }
    skip_blanks_and_lines();
  }
  fail("'[[' is not closed");
}

/// Takes one word; says whether a pattern follows it, in which brackets and
/// bars are no operators.
bool shell_reader::condition_word() {
  const auto made = word();
  if (hides_commands(made))
    fail("'[[' may run what is quoted here");
  return made.source == "=~" || made.source == "==" || made.source == "="
         || made.source == "!=";
}

void shell_reader::condition_pattern() {
  auto open = size_t{0};
  auto ignored = shell_word{};
  while (!at_end()) {
    const auto c = peek();
    if (open == 0 && (is_blank(c) || c == '\n' || c == '&' || c == ';'))
      return;
    if (c == ')' && open == 0)
      return;
    if (c == '(')
      ++open;
    if (c == ')')
      --open;
    if (c == '(' || c == ')' || c == '|' || is_blank(c))
      ++pos_;
    else if (is_metacharacter(c))
      return fail("this cannot stand in a pattern");
    else
      static_cast<void>(word_part(ignored));
  }
}

} // namespace ocw::policy
