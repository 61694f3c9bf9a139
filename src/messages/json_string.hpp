#pragma once

#include <string>
#include <string_view>

namespace ocw {

/// Appends `bytes` as a JSON string, quotes included. Ill-formed UTF-8 is
/// replaced by U+FFFD.
void append_json_string(std::string& out, std::string_view bytes);

/// The same for bytes that must come out as they are: false, and `out` as it
/// was, when `bytes` is not text (well-formed UTF-8 without NUL).
bool append_json_text(std::string& out, std::string_view bytes);

} // namespace ocw
