#include "policy/shell_reader.hpp"

#include <algorithm>
#include <utility>

// What begins with a dollar or a backtick.

namespace ocw::policy {

void shell_reader::dollar(shell_word& into, quotes around) {
  const auto inside = level{*this};
  const auto next = peek(1);
  if (around == quotes::none && (next == '\'' || next == '"')) {
    ++pos_;
    if (next == '\'')
      return ansi_quoted(into);
    into.dynamic = true; // a translation could be anything
    return double_quoted(into);
  }
  if (next == '[')
    return fail("'$[' is an old form; write $((…))");
  const auto is_expansion
    = next == '(' || next == '{' || is_name_char(next)
      || (next != '\0'
          && std::string_view{"@*#?-$!"}.find(next) != std::string_view::npos);
  ++pos_;
  into.text += is_expansion ? unknown_char : '$';
  if (!is_expansion)
    return;
  into.dynamic = true;
  if (looking_at("((")) {
    pos_ += 2;
    arithmetic("))", "");
  } else if (next == '(') {
    substitution();
  } else if (next == '{') {
    braced(around);
  } else if (is_name_start(next)) {
    pos_ += name_length(text_.substr(pos_));
  } else {
    ++pos_;
  }
}

/// At the bracket of `$(…)`, `<(…)` or `>(…)`.
void shell_reader::substitution() {
  const auto awaited = std::exchange(awaited_, {});
  const auto begin = pos_;
  expect("(");
  ++conditions_;
  list();
  --conditions_;
  if (!awaited_.empty())
    fail("a here-document in a substitution has no end");
  expect(")");
  const auto inside = text_.substr(begin, pos_ - begin);
  if (!awaited.empty() && inside.find('\n') != std::string_view::npos)
    fail("a substitution goes on over the line that a here-document begins "
         "in");
  awaited_ = awaited;
}

// Quotes in it do not hide the backtick that ends it.
void shell_reader::backticks(quotes around) {
  ++pos_;
  auto inside = std::string{};
  while (!at_end() && peek() != '`') {
    const auto next = peek(1);
    if (peek() != '\\') {
      inside += peek();
      ++pos_;
      continue;
    }
    if (next == '"' && around == quotes::body)
      return fail("shells differ in what '\\\"' means in backticks here");
    const auto removed = next == '`' || next == '\\' || next == '$'
                         || (next == '"' && around != quotes::none);
    if (!removed)
      inside += '\\';
    if (pos_ + 1 < text_.size())
      inside += next;
    pos_ += 2;
  }
  if (!take("`"))
    return fail("a backtick is not closed");
  nested_text(std::move(inside));
}

/// Reads a text of its own in the place where it stands.
void shell_reader::nested_text(std::string text) {
  const auto inside = level{*this};
  const auto outer = std::exchange(text_, text);
  const auto outer_pos = std::exchange(pos_, 0);
  const auto outer_awaited = std::exchange(awaited_, {});
  if (!failure_) {
    ++conditions_;
    list();
    --conditions_;
    if (!at_end())
      fail("nothing is open that this could close");
    read_bodies();
  }
  text_ = outer;
  pos_ = failure_ ? text_.size() : outer_pos;
  awaited_ = outer_awaited;
}

// -- ${…} ---------------------------------------------------------------------

void shell_reader::braced(quotes around) {
  const auto inside = level{*this};
  ++pos_;
  if (is_blank(peek()) || peek() == '\n' || peek() == '|')
    return fail("'${' with a command is not of every bash");
  const auto begin = pos_;
  while (!at_end() && peek() != '}')
    if (!braced_part(around))
      return;
  if (at_end())
    return fail("'${' is not closed");
  check_braced(text_.substr(begin, pos_ - begin));
  ++pos_;
}

bool shell_reader::braced_part(quotes around) {
  auto ignored = shell_word{};
  if (looking_at("<(") || looking_at(">(")) {
    fail("'<(' cannot stand in '${…}'");
    return false;
  }
  if (peek() == '\'' && around != quotes::none) {
    // It is a quote or not, depending on the operator and the shell.
    fail("a single quote cannot stand in '${…}' within double quotes");
    return false;
  }
  const auto special = std::string_view{"'\"\\$`"}.find(peek());
  if (special == std::string_view::npos) {
    ++pos_;
  } else if (peek() == '$') {
    dollar(ignored, around);
  } else if (peek() == '`') {
    backticks(around);
  } else {
    static_cast<void>(word_part(ignored));
  }
  return !failure_;
}

void shell_reader::check_braced(std::string_view inside) {
  const auto name = name_length(inside);
  const auto rest = inside.substr(name);
  // It expands what the variable holds once more, commands included.
  if (rest.ends_with("@P"))
    fail("'@P' runs commands that a variable holds");
}

// -- arithmetic ---------------------------------------------------------------

namespace {

/// Whether brackets close each other for a reader that knows quotes and
/// nothing else: bash decides so whether `$((` begins an expression, and the
/// patterns of `case`, comments and here-documents mislead it.
bool is_plainly_balanced(std::string_view text) {
  auto open = 0;
  for (auto i = size_t{0}; i < text.size(); ++i) {
    const auto c = text[i];
    if (c == '\\') {
      ++i;
    } else if (c == '\'') {
      i = std::min(text.find('\'', i + 1), text.size());
    } else if (c == '"') {
      while (++i < text.size() && text[i] != '"')
        i += text[i] == '\\' ? 1 : 0;
    } else if (c == '(') {
      ++open;
    } else if (c == ')' && --open < 0) {
      return false;
    }
  }
  const auto has_commands
    = text.find("$(") != text.npos || text.find('`') != text.npos;
  return open == 0 && !(has_commands && text.find('\n') != text.npos);
}

} // namespace

/// Up to the `))` that closes it; `also` are characters that may stand in it
/// besides those of an expression. What is read as commands by some shell
/// fails: it has quotes, or brackets that do not close each other.
void shell_reader::arithmetic(std::string_view end, std::string_view also) {
  auto ignored = shell_word{};
  auto open = size_t{0};
  const auto begin = pos_;
  while (!at_end()) {
    const auto c = peek();
    if (open == 0 && c == ')') {
      if (!is_plainly_balanced(text_.substr(begin, pos_ - begin)))
        return fail("shells differ in whether this is arithmetic");
      return expect(end);
    }
    if (c == '$') {
      dollar(ignored, quotes::double_quotes);
      continue;
    }
    const auto usual = is_name_char(c) || is_blank(c)
                       || std::string_view{"\n+-*/%<>=!&|^~?:,[]()#."}.find(c)
                            != std::string_view::npos;
    if (!usual && also.find(c) == std::string_view::npos)
      return fail("this cannot stand in arithmetic");
    if (c == '\n' && !awaited_.empty())
      return fail("arithmetic goes on over the line that a here-document "
                  "begins in");
    if (c == '(')
      ++open;
    if (c == ')')
      --open;
    ++pos_;
  }
  fail("'((' is not closed");
}

} // namespace ocw::policy
