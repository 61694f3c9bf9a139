#pragma once

#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace ocw {

/// A script that completes this program's commands and flags in `bash`, `zsh`
/// or `fish`; empty for any other shell.
std::string completion_script(const CLI::App& program, std::string_view shell);

} // namespace ocw
