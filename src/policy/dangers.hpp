#pragma once

#include "policy/judge.hpp"

namespace ocw::policy {

// What the dangerous patterns of the settings mean, judged on the parsed
// command in any spelling.

/// Everything below about one program and its arguments.
void check_dangers(judge& by, std::string_view name, word_span words);

/// Paths that are to be removed, or changed, with everything below them.
void check_trees(judge& by, word_span paths);

/// A file that is written to.
void check_target(judge& by, const shell_word& target);

/// A function that starts itself more than once.
void check_fork_bomb(judge& by, const shell_script& script,
                     const shell_function& function);

} // namespace ocw::policy
