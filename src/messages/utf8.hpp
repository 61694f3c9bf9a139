#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ocw {

/// The length of the well-formed UTF-8 sequence (Unicode, table 3-7) at the
/// front of `bytes`, 1 to 4; 0 when there is none. `bytes` must not be empty.
size_t utf8_sequence(std::string_view bytes);

/// How many bytes at the front of `bytes` are well-formed UTF-8; `bytes.size()`
/// when all are.
size_t utf8_prefix(std::string_view bytes);

inline bool is_utf8(std::string_view bytes) {
  return utf8_prefix(bytes) == bytes.size();
}

/// True for what can be shown as text: well-formed UTF-8 without NUL.
bool is_text(std::string_view bytes);

/// Appends `bytes` with each ill-formed part replaced by U+FFFD, as browsers
/// do: one for each maximal part of a sequence.
void append_lossy(std::string& out, std::string_view bytes);

/// The length of the ill-formed part at the front of `bytes`, which is where
/// `utf8_sequence` said 0: what one U+FFFD replaces.
size_t utf8_ill_formed(std::string_view bytes);

inline constexpr std::string_view utf8_replacement = "\xEF\xBF\xBD";

} // namespace ocw
