#pragma once

#include "app/cli_fwd.hpp"
#include "app/cli_values.hpp"

#include <memory>
#include <string>
#include <vector>

namespace ocw {

/// Makes the parser with all commands and flags. What it parses goes into
/// `values`, which must outlive it.
std::shared_ptr<CLI::App> make_parser(cli_values& values);

/// What a command line asks for.
struct cli_outcome {
  std::string command; ///< empty: only `text` is left to be told
  int exit_code = 0;   ///< then
  std::string text;    ///< help, or what is wrong with the command line
};

/// Reads a command line, without the program's name.
cli_outcome parse_command_line(const std::vector<std::string>& words,
                               cli_values& values);

} // namespace ocw
