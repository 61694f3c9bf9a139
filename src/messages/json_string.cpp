#include "messages/json_string.hpp"

#include "messages/utf8.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace ocw {

namespace {

using byte = unsigned char;

static_assert(std::endian::native == std::endian::little,
              "find_special takes the lowest byte of a word for the first");

/// The high bit of each byte that JSON does not take as it is: control
/// characters, quote, backslash, and everything beyond ASCII. A borrow can
/// mark bytes after a marked one too, so only the lowest mark is exact.
uint64_t special_bytes(uint64_t word) {
  constexpr auto ones = uint64_t{0x0101010101010101};
  constexpr auto high_bits = ones * 0x80;
  const auto quote = word ^ (ones * '"');
  const auto backslash = word ^ (ones * '\\');
  return (((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote)
          | ((backslash - ones) & ~backslash) | word)
         & high_bits;
}

bool is_special(byte c) {
  return c < 0x20 || c >= 0x80 || c == '"' || c == '\\';
}

/// The first byte at or after `at` that JSON does not take as it is.
size_t find_special(std::string_view bytes, size_t at) {
  for (; at + 8 <= bytes.size(); at += 8) {
    auto word = uint64_t{0};
    std::memcpy(&word, bytes.data() + at, sizeof(word));
    const auto marks = special_bytes(word);
    if (marks != 0)
      return at + static_cast<size_t>(std::countr_zero(marks)) / 8;
  }
  while (at < bytes.size() && !is_special(static_cast<byte>(bytes[at])))
    ++at;
  return at;
}

void append_escape(std::string& out, char c) {
  constexpr auto hex = std::string_view{"0123456789abcdef"};
  constexpr auto plain = std::string_view{"\"\\\b\f\n\r\t"};
  constexpr auto short_form = std::string_view{"\"\\bfnrt"};
  if (const auto which = plain.find(c); which != std::string_view::npos) {
    const char text[2] = {'\\', short_form[which]};
    out.append(text, 2);
    return;
  }
  out.append("\\u00");
  out += hex[static_cast<byte>(c) >> 4];
  out += hex[static_cast<byte>(c) & 0xF];
}

/// Appends everything; false at the first byte that is not text, if that is
/// asked for.
template <bool RefuseOthers>
bool append_escaped(std::string& out, std::string_view bytes) {
  auto copied = size_t{0}; // all before it is in `out`
  auto at = find_special(bytes, 0);
  while (at < bytes.size()) {
    const auto c = static_cast<byte>(bytes[at]);
    const auto length = c < 0x80 ? 0 : utf8_sequence(bytes.substr(at));
    if (length == 0) {
      if (RefuseOthers && (c == 0 || c >= 0x80))
        return false;
      out.append(bytes.substr(copied, at - copied));
      if (c < 0x80) {
        append_escape(out, bytes[at++]);
      } else {
        out.append(utf8_replacement);
        at += utf8_ill_formed(bytes.substr(at));
      }
      copied = at;
    } else {
      at += length;
    }
    at = find_special(bytes, at);
  }
  out.append(bytes.substr(copied));
  return true;
}

} // namespace

void append_json_string(std::string& out, std::string_view bytes) {
  out += '"';
  append_escaped<false>(out, bytes);
  out += '"';
}

bool append_json_text(std::string& out, std::string_view bytes) {
  const auto start = out.size();
  // Log lines need one escape each; room for them up front saves a copy.
  out.reserve(start + bytes.size() + bytes.size() / 32 + 2);
  out += '"';
  if (!append_escaped<true>(out, bytes)) {
    out.resize(start);
    return false;
  }
  out += '"';
  return true;
}

} // namespace ocw
