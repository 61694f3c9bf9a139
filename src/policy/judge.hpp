#pragma once

#include "policy/rules.hpp"
#include "policy/shell_script.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ocw::policy {

/// Why a command is not wanted.
struct refusal {
  std::string word;
  std::string rule;
  std::string why; ///< and what to do instead
};

using word_span = std::span<const shell_word>;

/// One text of commands while it is judged. Functions of the text around it
/// are known to `eval` and traps.
struct scope {
  const shell_script& script;
  const scope* outer = nullptr;
  size_t at = 0;                 ///< the command that is being judged
  size_t first_call = no_index;  ///< of a function, outside of functions
  std::vector<size_t> downloads; ///< per command: how many before it
};

/// Who looks up a program's name: a shell with its functions and its own
/// commands, a shell without functions, or the system.
enum class lookup { functions, builtins, programs };

/// Where a command stands.
struct place {
  const scope* in = nullptr; ///< null in an argv, which no shell reads
  const shell_command* command = nullptr;
  lookup by = lookup::functions;
};

/// Judges the commands of one request, until the first that is refused. The
/// rules of single programs are in program_rules.hpp.
class judge {
public:
  explicit judge(const rules& with) : rules_(with) {}

  /// Commands for a shell. `word` is what to name should it not be readable.
  void text(std::string_view commands, const shell_word& word,
            const scope* outer = nullptr);

  /// A program and its arguments.
  void program(word_span words, const place& at);

  /// What a variable is set to, for the commands that follow.
  void variable(std::string_view name, const shell_word& value);

  /// The patterns of the settings, on a text in which words are separated by
  /// one blank.
  void patterns(std::string_view normal);

  void refuse(std::string_view rule, const shell_word& word, std::string why);

  /// The same, saying that only a command that is written out can be judged.
  void refuse_unknown(const shell_word& word);

  bool refused() const { return refused_.has_value(); }
  const std::optional<refusal>& outcome() const { return refused_; }
  const rules& in_force() const { return rules_; }

private:
  void found(word_span words, const place& at);
  void commands(scope& all);
  void command(const scope& all, const shell_command& one);
  void look_up(word_span words, const place& at);
  bool is_function(const scope& in, const std::string& name) const;
  void redirections(const shell_command& one);

  const rules& rules_;
  std::optional<refusal> refused_;
  size_t depth_ = 0;
};

/// The last part of a path.
std::string_view base_name(std::string_view path);

/// A word that is known.
shell_word known_word(std::string text);

/// A word of which nothing is known.
shell_word unknown_word();

/// Words as one text, each separated by a blank.
std::string joined(word_span words);

} // namespace ocw::policy
