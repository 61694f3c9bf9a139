#include "policy/shell_reader.hpp"

#include <algorithm>
#include <array>
#include <utility>

// Redirections and here-documents.

namespace ocw::policy {

namespace {

// The longer ones first. `<&-` closes, whatever follows it.
constexpr auto operators = std::to_array<std::string_view>(
  {"<<<", "<<-", "&>>", "<&-", ">&-", "<<", ">>", "<&", ">&", "<>", ">|", "&>",
   "<", ">"});

} // namespace

/// A descriptor in front of an operator: `2` or `{name}`.
std::string shell_reader::redirection_fd() const {
  auto length = size_t{0};
  if (peek() == '{') {
    const auto name
      = name_length(text_.substr(std::min(pos_ + 1, text_.size())));
    if (name > 0 && peek(name + 1) == '}')
      length = name + 2;
  } else {
    while (is_digit(peek(length)))
      ++length;
  }
  const auto next = peek(length);
  return next == '<' || next == '>' ? std::string{text_.substr(pos_, length)}
                                    : std::string{};
}

std::string_view shell_reader::redirection_operator() const {
  // `<(ls)` and `>(ls)` are words.
  if (looking_at("<(") || looking_at(">("))
    return {};
  for (const auto op : operators)
    if (looking_at(op))
      return op;
  return {};
}

/// Takes a redirection if one begins here.
bool shell_reader::redirection(size_t command) {
  auto made = shell_redirection{};
  made.fd = redirection_fd();
  const auto begin = pos_;
  pos_ += made.fd.size();
  made.op = redirection_operator();
  if (made.op.empty()) {
    pos_ = begin;
    return false;
  }
  pos_ += made.op.size();
  if (made.op.ends_with('-') && made.op != "<<-") {
    script_.commands[command].redirections.push_back(std::move(made));
    return true;
  }
  skip_blanks();
  if (at_end()
      || (is_metacharacter(peek()) && !looking_at("<(") && !looking_at(">("))) {
    fail("a redirection has no target");
    return true;
  }
  made.target = word();
  const auto is_body = made.op == "<<" || made.op == "<<-";
  const auto delimiter = made.target;
  const auto tabs = made.op == "<<-";
  if (is_body)
    made.target = {};
  script_.commands[command].redirections.push_back(std::move(made));
  if (is_body)
    await_body(command, delimiter, tabs);
  return true;
}

void shell_reader::redirections_of_compound() {
  skip_blanks();
  auto index = no_index;
  while (!at_end()
         && (!redirection_fd().empty() || !redirection_operator().empty())) {
    if (index == no_index)
      index = add_command();
    if (!redirection(index))
      return fail("a redirection cannot be read");
    skip_blanks();
  }
}

// -- here-documents -----------------------------------------------------------

void shell_reader::await_body(size_t command, const shell_word& delimiter,
                              bool tabs) {
  // Shells differ in what they make of `<<$x`.
  if (delimiter.dynamic)
    return fail("the end of a here-document has an expansion");
  awaited_.push_back({command,
                      script_.commands[command].redirections.size() - 1,
                      delimiter.text, tabs, delimiter.quoted});
}

void shell_reader::read_bodies() {
  for (auto& awaited : std::exchange(awaited_, {}))
    read_body(std::move(awaited));
}

void shell_reader::read_body(awaited_body awaited) {
  auto body = std::string{};
  auto line = std::string{};
  while (!at_end()) {
    const auto end = std::min(text_.find('\n', pos_), text_.size());
    auto piece = text_.substr(pos_, end - pos_);
    pos_ = std::min(end + 1, text_.size());
    if (awaited.strip_tabs && line.empty())
      piece.remove_prefix(
        std::min(piece.find_first_not_of('\t'), piece.size()));
    line += piece;
    // An unquoted one joins lines that end in a backslash.
    const auto last = line.find_last_not_of('\\');
    const auto backslashes
      = line.size() - (last == std::string::npos ? 0 : last + 1);
    if (!awaited.literal && backslashes % 2 == 1 && !at_end()) {
      line.pop_back();
      continue;
    }
    if (line == awaited.delimiter) {
      auto made = shell_word{};
      made.source = body;
      made.quoted = awaited.literal;
      if (awaited.literal)
        made.text = std::move(body);
      else
        expand_body(body, made);
      auto& command = script_.commands[awaited.command];
      command.redirections[awaited.redirection].target = std::move(made);
      return;
    }
    body += line + '\n';
    line.clear();
  }
  fail("a here-document has no end");
}

/// What an unquoted body expands; the quotes in it mean nothing.
void shell_reader::expand_body(const std::string& body, shell_word& into) {
  const auto inside = level{*this};
  const auto outer = std::exchange(text_, body);
  const auto outer_pos = std::exchange(pos_, 0);
  const auto outer_awaited = std::exchange(awaited_, {});
  while (!at_end()) {
    if (peek() == '\\'
        && std::string_view{"$`\\"}.find(peek(1)) != std::string_view::npos) {
      into.text += peek(1);
      pos_ += 2;
    } else if (peek() == '$') {
      dollar(into, quotes::body);
    } else if (peek() == '`') {
      into.dynamic = true;
      into.text += unknown_char;
      backticks(quotes::body);
    } else {
      into.text += peek();
      ++pos_;
    }
  }
  text_ = outer;
  pos_ = failure_ ? text_.size() : outer_pos;
  awaited_ = outer_awaited;
}

} // namespace ocw::policy
