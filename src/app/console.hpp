#pragma once

#include <caf/error.hpp>

#include <string>
#include <string_view>

namespace ocw {

// What the command line says, and where to.

/// Writes all of `bytes`, waiting where the descriptor does not block; an
/// errno, or 0.
int write_fully(int fd, std::string_view bytes);

/// Writes an answer to standard output. The exit code: 0, or `exit_failed`
/// when nobody reads it any more.
int print(std::string_view text);

/// Tells on standard error what went wrong, as one line.
void complain(std::string_view sentence);

/// The same, and returns `exit_code`. After `complain_in_json` the line is the
/// error as every door of a node tells it.
int complain(const caf::error& err, int exit_code);

/// For programs that read: from now on errors are JSON. Called before there
/// are other threads.
void complain_in_json();

/// Whether standard output may be coloured: it is a terminal and NO_COLOR is
/// not set.
bool may_color();

} // namespace ocw
