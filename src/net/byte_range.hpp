#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ocw::net {

/// A part of something that has `size` bytes.
struct byte_span {
  uint64_t first = 0;
  uint64_t length = 0;
};

/// What a Range header asks for.
struct range_answer {
  bool satisfiable = true;       ///< false: answer 416
  std::optional<byte_span> part; ///< none: answer with all of it
};

/// Understands one range of bytes, `bytes=A-B`, `bytes=A-` or `bytes=-N`, of
/// something with `size` bytes. Anything else is ignored, as RFC 9110, section
/// 14.2 allows.
range_answer read_range(std::string_view header, uint64_t size);

} // namespace ocw::net
