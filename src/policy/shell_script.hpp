#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace ocw::policy {

/// Stands in a word's text for each expansion, of which nothing is known.
inline constexpr char unknown_char = '\x01';

inline constexpr size_t no_index = static_cast<size_t>(-1);

/// A word as it was written, and as it is after quotes are removed.
struct shell_word {
  std::string text;         ///< each expansion is one `unknown_char`
  std::string source;       ///< as it stands in the command
  bool dynamic = false;     ///< has an expansion
  bool expands = false;     ///< has a glob or a brace expansion
  bool quoted = false;      ///< has a quote or a backslash
  bool from_output = false; ///< is a file with the output of commands: `<(ls)`

  /// Whether `text` is what the program will get.
  bool known() const noexcept { return !dynamic && !expands; }
};

/// Whether a word has, quoted, a subscript with a substitution: `'a[$(id)]'`,
/// which a shell runs when it takes the text for a variable or a number.
bool hides_commands(const shell_word& word);

/// `name=value` before a command, or as one.
struct shell_assignment {
  std::string name; ///< without a subscript
  shell_word value; ///< of an array: its first element
};

/// `2>file`; of a here-document the body is kept as far as it is known.
struct shell_redirection {
  std::string op;    ///< without the descriptor: `>`, `<<`, `&>` …
  std::string fd;    ///< as written, mostly empty
  shell_word target; ///< of a here-document: its body
};

/// One command that would run. One without words holds assignments, or the
/// redirections of a compound command.
struct shell_command {
  std::vector<shell_assignment> assignments;
  std::vector<shell_word> words;
  std::vector<shell_redirection> redirections;
  size_t feeder = no_index;   ///< what writes into its standard input
  size_t function = no_index; ///< the innermost function it is part of
  bool concurrent = false;    ///< in a pipeline, or in the background
};

/// The earlier stages of a pipeline: commands [first, last), and what feeds
/// the pipeline as a whole.
struct shell_feeder {
  size_t first;
  size_t last;
  size_t outer;
};

struct shell_function {
  std::string name;
  size_t first; ///< the first command of its body
  size_t last;  ///< behind its last command
  /// Whether it is there for whatever follows: not defined in a condition, a
  /// pipeline, a subshell or another function.
  bool certain = true;
};

/// Every simple command of a text, in the order in which they begin, wherever
/// they are nested.
struct shell_script {
  std::vector<shell_command> commands;
  std::vector<shell_feeder> feeders;
  std::vector<shell_function> functions;
};

} // namespace ocw::policy
