#pragma once

#include "app/cli_fwd.hpp"

#include <string>
#include <string_view>

namespace ocw {

/// A script that completes this program's commands and flags in `bash`, `zsh`
/// or `fish`; empty for any other shell.
std::string completion_script(const CLI::App& program, std::string_view shell);

} // namespace ocw
