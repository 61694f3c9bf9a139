#pragma once

#include "policy/shell_parser.hpp"

#include <algorithm>
#include <optional>

namespace ocw::policy {

/// The parser behind `parse_shell`: recursive descent over the characters,
/// since what a character means to a shell depends on where it stands.
///
/// A failure moves to the end of the text, where every loop ends, so nothing
/// below has to look for one.
class shell_reader {
public:
  explicit shell_reader(std::string_view text) : text_(text) {}

  std::variant<shell_script, parse_failure> read();

private:
  /// One level of nesting, bounded.
  class level {
  public:
    explicit level(shell_reader& reader) : reader_(reader) {
      if (++reader_.depth_ > max_nesting)
        reader_.fail("it is nested too deep");
    }
    level(const level&) = delete;
    level& operator=(const level&) = delete;
    ~level() { --reader_.depth_; }

  private:
    shell_reader& reader_;
  };

  /// A here-document whose body begins behind the next line break.
  struct awaited_body {
    size_t command;
    size_t redirection;
    std::string delimiter;
    bool strip_tabs;
    bool literal;
  };

  enum class quotes { none, double_quotes, body };

  // -- characters (shell_reader.cpp) ------------------------------------------

  bool at_end() const { return pos_ >= text_.size(); }
  char peek(size_t ahead = 0) const {
    return pos_ + ahead < text_.size() ? text_[pos_ + ahead] : '\0';
  }
  bool looking_at(std::string_view what) const {
    return text_.substr(std::min(pos_, text_.size())).starts_with(what);
  }
  bool take(std::string_view what);
  void expect(std::string_view what);
  void fail(std::string what);
  void skip_blanks();
  void skip_line_break();
  void skip_blanks_and_lines();
  std::string_view bare_word() const;
  bool take_reserved(std::string_view word);

  // -- lists (shell_reader.cpp) -----------------------------------------------

  void list();
  bool list_ends() const;
  void and_or();
  void pipeline();
  void pipeline_prefix();
  void mark_concurrent(size_t first_command);
  void doubt_functions(size_t first);

  // -- simple commands (shell_simple.cpp) -------------------------------------

  void command();
  void simple();
  bool simple_part(size_t index);
  bool assignment(size_t index);
  bool declared_array(size_t index);
  void array(shell_assignment& into);
  void function_named(std::string name);
  void function_body(std::string name);
  size_t add_command();

  // -- redirections (shell_redirections.cpp) ----------------------------------

  bool redirection(size_t command);
  std::string redirection_fd() const;
  std::string_view redirection_operator() const;
  void redirections_of_compound();
  void await_body(size_t command, const shell_word& delimiter, bool tabs);
  void read_bodies();
  void read_body(awaited_body awaited);
  void expand_body(const std::string& body, shell_word& into);

  // -- compound commands (shell_compound.cpp) ---------------------------------

  bool compound();
  void subshell();
  void group();
  void if_clause();
  void loop();
  void for_clause();
  void for_words();
  void do_group();
  void case_clause();
  void case_item();
  void condition();
  bool condition_word();
  void condition_pattern();
  void function_clause();
  void arithmetic(std::string_view end, std::string_view also);

  // -- words (shell_words.cpp, shell_expansions.cpp) --------------------------

  shell_word word();
  bool word_part(shell_word& into);
  void escaped(shell_word& into);
  void single_quoted(shell_word& into);
  void double_quoted(shell_word& into);
  void ansi_quoted(shell_word& into);
  void dollar(shell_word& into, quotes around);
  void braced(quotes around);
  bool braced_part(quotes around);
  void check_braced(std::string_view inside);
  void backticks(quotes around);
  void substitution();
  void nested_text(std::string text);

  std::string_view text_;
  size_t pos_ = 0;
  size_t depth_ = 0;
  size_t feeder_ = no_index;
  size_t function_ = no_index;
  size_t conditions_ = 0; ///< compound commands around, not counting functions
  std::vector<awaited_body> awaited_;
  shell_script script_;
  std::optional<parse_failure> failure_;
};

bool is_blank(char c) noexcept;
/// Whether an unquoted character ends a word.
bool is_metacharacter(char c) noexcept;
bool is_name_start(char c) noexcept;
bool is_name_char(char c) noexcept;
bool is_digit(char c) noexcept;
/// How many characters at the front are a variable's name.
size_t name_length(std::string_view text) noexcept;

/// Appends what `$'…'` means by `inside`, without its quotes.
void append_ansi(std::string& out, std::string_view inside);

} // namespace ocw::policy
