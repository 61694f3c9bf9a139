#pragma once

#include "policy/judge.hpp"

#include <array>
#include <initializer_list>

namespace ocw::policy {

/// Judges the arguments of one program that runs others; `words` begins with
/// its name.
using program_rule = void (*)(judge& by, word_span words, const place& at);

/// The rule for a program, or null.
program_rule program_rule_of(std::string_view name);

// -- how programs read their arguments (arguments.cpp) ------------------------

/// Which options take a value, as getopt_long has it.
struct option_names {
  std::string_view letters;                    ///< short ones that take a value
  std::array<std::string_view, 12> words = {}; ///< long ones
  std::string_view attached = {}; ///< short ones whose value is in their word
  std::array<std::string_view, 2> flags = {}; ///< long ones without a value
  bool operands_end_options = false;
};

struct argument {
  std::string name; ///< of an option; empty: an operand
  shell_word value;
};

/// What the words behind a program's name are. Abbreviated long options have
/// the name they are short for, if `option_names` has that.
struct arguments {
  std::vector<argument> all;
  /// The index of the first operand, or `words.size()`; with
  /// `operands_end_options` everything from it is operands.
  size_t operands_at = 0;

  const shell_word* option(std::string_view name) const;
  bool has(std::initializer_list<std::string_view> names) const;
  std::vector<shell_word> operands() const;
};

arguments read_arguments(word_span words, const option_names& names);

// -- rules, by file -----------------------------------------------------------

void judge_env(judge& by, word_span words, const place& at);
void judge_nice(judge& by, word_span words, const place& at);
void judge_nohup(judge& by, word_span words, const place& at);
void judge_timeout(judge& by, word_span words, const place& at);
void judge_stdbuf(judge& by, word_span words, const place& at);
void judge_xargs(judge& by, word_span words, const place& at);
void judge_find(judge& by, word_span words, const place& at);

void judge_shell(judge& by, word_span words, const place& at);
void judge_interpreter(judge& by, word_span words, const place& at);

void judge_eval(judge& by, word_span words, const place& at);
void judge_trap(judge& by, word_span words, const place& at);
void judge_command(judge& by, word_span words, const place& at);
void judge_exec(judge& by, word_span words, const place& at);
void judge_declare(judge& by, word_span words, const place& at);
void judge_reading(judge& by, word_span words, const place& at);
void judge_unset(judge& by, word_span words, const place& at);
void judge_hash(judge& by, word_span words, const place& at);

void judge_git(judge& by, word_span words, const place& at);
void judge_sed(judge& by, word_span words, const place& at);
void judge_awk(judge& by, word_span words, const place& at);
void judge_tar(judge& by, word_span words, const place& at);
void judge_other(judge& by, word_span words, const place& at);

} // namespace ocw::policy
