#include "policy/shell_reader.hpp"

// Words and quotes.

namespace ocw::policy {

namespace {

/// Whether an unquoted text is more than itself to the shell: a pattern, or
/// braces with alternatives. `[` alone is a command, `{}` a name for `find`.
bool has_pattern(std::string_view bare) {
  if (bare.find_first_of("*?") != bare.npos)
    return true;
  const auto open = bare.find('[');
  if (open != bare.npos && bare.find(']', open) != bare.npos)
    return true;
  const auto brace = bare.find('{');
  if (brace == bare.npos || bare.find('}', brace) == bare.npos)
    return false;
  const auto inside = bare.substr(brace);
  return inside.find(',') != inside.npos || inside.find("..") != inside.npos;
}

} // namespace

bool hides_commands(const shell_word& word) {
  const auto open = word.text.find('[');
  return open != std::string::npos
         && (word.text.find("$(", open) != std::string::npos
             || word.text.find('`', open) != std::string::npos);
}

shell_word shell_reader::word() {
  auto made = shell_word{};
  auto bare = std::string{}; // what stands outside of quotes and expansions
  const auto begin = pos_;
  while (!at_end()) {
    const auto is_file = looking_at("<(") || looking_at(">(");
    if (is_metacharacter(peek()) && !is_file)
      break;
    const auto before = pos_;
    if (word_part(made))
      bare += made.text.back();
    if (pos_ == before)
      break;
  }
  made.expands = has_pattern(bare);
  if (!failure_)
    made.source = text_.substr(begin, pos_ - begin);
  // Shells differ in where the body of a here-document then begins.
  if (!awaited_.empty() && made.source.find('\n') != std::string::npos)
    fail("a word goes on over the line that a here-document begins in");
  return made;
}

/// Takes a quoted part, an expansion or one character; says if it was the
/// latter.
bool shell_reader::word_part(shell_word& into) {
  switch (peek()) {
  case '\'':
    single_quoted(into);
    return false;
  case '"':
    double_quoted(into);
    return false;
  case '\\':
    escaped(into);
    return false;
  case '$':
    dollar(into, quotes::none);
    return false;
  case '`':
    into.dynamic = true;
    into.text += unknown_char;
    backticks(quotes::none);
    return false;
  case '<':
  case '>':
    into.dynamic = true;
    into.from_output = true;
    into.text += unknown_char;
    ++pos_;
    substitution();
    return false;
  default:
    into.text += peek();
    ++pos_;
    return true;
  }
}

void shell_reader::escaped(shell_word& into) {
  if (pos_ + 1 >= text_.size())
    return fail("a backslash is the last character");
  if (peek(1) != '\n') {
    into.quoted = true;
    into.text += peek(1);
  }
  pos_ += 2;
}

void shell_reader::single_quoted(shell_word& into) {
  const auto end = text_.find('\'', pos_ + 1);
  if (end == std::string_view::npos)
    return fail("a single quote is not closed");
  into.quoted = true;
  into.text += text_.substr(pos_ + 1, end - pos_ - 1);
  pos_ = end + 1;
}

void shell_reader::double_quoted(shell_word& into) {
  into.quoted = true;
  ++pos_;
  while (!at_end() && peek() != '"') {
    if (peek() == '$') {
      dollar(into, quotes::double_quotes);
    } else if (peek() == '`') {
      into.dynamic = true;
      into.text += unknown_char;
      backticks(quotes::double_quotes);
    } else if (peek() == '\\' && peek(1) == '\n') {
      pos_ += 2;
    } else if (peek() == '\\'
               && std::string_view{"$`\"\\"}.find(peek(1))
                    != std::string_view::npos) {
      into.text += peek(1);
      pos_ += 2;
    } else {
      into.text += peek();
      ++pos_;
    }
  }
  if (!take("\""))
    fail("a double quote is not closed");
}

/// At the quote of `$'…'`.
void shell_reader::ansi_quoted(shell_word& into) {
  const auto begin = ++pos_;
  while (!at_end() && peek() != '\'')
    pos_ += peek() == '\\' ? 2 : 1;
  if (at_end())
    return fail("a single quote is not closed");
  into.quoted = true;
  append_ansi(into.text, text_.substr(begin, pos_ - begin));
  ++pos_;
}

} // namespace ocw::policy
