#include "messages/utf8.hpp"

#include <cstdint>
#include <cstring>

namespace ocw {

namespace {

using byte = unsigned char;

struct lead {
  size_t length;     ///< of the sequence; 0 = no sequence starts so
  byte second_least; ///< of the second byte
  byte second_most;
};

/// What may follow a first byte (Unicode, table 3-7): the narrowed second
/// bytes refuse overlong forms, surrogates and what is beyond U+10FFFF.
constexpr lead lead_of(byte first) {
  if (first < 0x80)
    return {1, 0, 0};
  if (first < 0xC2 || first > 0xF4)
    return {0, 0, 0};
  auto result = lead{first < 0xE0   ? size_t{2}
                     : first < 0xF0 ? 3
                                    : 4,
                     0x80, 0xBF};
  switch (first) {
  case 0xE0:
    result.second_least = 0xA0;
    break;
  case 0xED:
    result.second_most = 0x9F;
    break;
  case 0xF0:
    result.second_least = 0x90;
    break;
  case 0xF4:
    result.second_most = 0x8F;
    break;
  default:
    break;
  }
  return result;
}

/// How many bytes at the front belong to the sequence that `start` begins.
size_t matching(std::string_view bytes, const lead& start) {
  auto n = size_t{1};
  for (; n < start.length && n < bytes.size(); ++n) {
    const auto next = static_cast<byte>(bytes[n]);
    const auto least = n == 1 ? start.second_least : byte{0x80};
    const auto most = n == 1 ? start.second_most : byte{0xBF};
    if (next < least || next > most)
      break;
  }
  return n;
}

/// The first byte at or after `at` that is not ASCII.
size_t skip_ascii(std::string_view bytes, size_t at) {
  constexpr auto high_bits = uint64_t{0x8080808080808080};
  for (; at + 8 <= bytes.size(); at += 8) {
    auto word = uint64_t{0};
    std::memcpy(&word, bytes.data() + at, sizeof(word));
    if ((word & high_bits) != 0)
      break;
  }
  while (at < bytes.size() && static_cast<byte>(bytes[at]) < 0x80)
    ++at;
  return at;
}

} // namespace

size_t utf8_sequence(std::string_view bytes) {
  const auto start = lead_of(static_cast<byte>(bytes.front()));
  if (start.length <= 1)
    return start.length;
  return matching(bytes, start) == start.length ? start.length : 0;
}

size_t utf8_ill_formed(std::string_view bytes) {
  const auto start = lead_of(static_cast<byte>(bytes.front()));
  return start.length == 0 ? 1 : matching(bytes, start);
}

size_t utf8_prefix(std::string_view bytes) {
  for (auto at = skip_ascii(bytes, 0); at < bytes.size();
       at = skip_ascii(bytes, at)) {
    do {
      const auto length = utf8_sequence(bytes.substr(at));
      if (length == 0)
        return at;
      at += length;
    } while (at < bytes.size() && static_cast<byte>(bytes[at]) >= 0x80);
  }
  return bytes.size();
}

bool is_text(std::string_view bytes) {
  return (bytes.empty()
          || std::memchr(bytes.data(), '\0', bytes.size()) == nullptr)
         && is_utf8(bytes);
}

void append_lossy(std::string& out, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto good = utf8_prefix(bytes);
    out.append(bytes.substr(0, good));
    bytes.remove_prefix(good);
    if (bytes.empty())
      return;
    out.append(utf8_replacement);
    bytes.remove_prefix(utf8_ill_formed(bytes));
  }
}

} // namespace ocw
