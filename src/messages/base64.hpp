#pragma once

#include <string>
#include <string_view>

namespace ocw {

/// Appends `bytes` in base64 (RFC 4648, section 4), padded, on one line.
void base64_append(std::string& out, std::string_view bytes);

/// Appends what `text` stands for. Strict: padded, no line breaks, no unused
/// bits set. False, and `out` as it was, when `text` is not such base64.
bool base64_decode(std::string& out, std::string_view text);

} // namespace ocw
