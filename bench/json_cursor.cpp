#include "json_cursor.hpp"

#include "common.hpp"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace ocw::bench {

namespace {

/// The first quote or backslash. Output is mostly neither, and this is where
/// a subscriber spends its time.
const char* find_special(const char* at, const char* end) {
#ifdef __SSE2__
  const auto quote = _mm_set1_epi8('"');
  const auto backslash = _mm_set1_epi8('\\');
  for (; end - at >= 16; at += 16) {
    const auto* block = reinterpret_cast<const __m128i*>(at);
    const auto bytes = _mm_loadu_si128(block);
    const auto found = _mm_or_si128(_mm_cmpeq_epi8(bytes, quote),
                                    _mm_cmpeq_epi8(bytes, backslash));
    const auto mask = _mm_movemask_epi8(found);
    if (mask != 0)
      return at + __builtin_ctz(static_cast<unsigned>(mask));
  }
#endif
  while (at != end && *at != '"' && *at != '\\')
    ++at;
  return at;
}

unsigned hex_digit(char c) {
  if (c >= '0' && c <= '9')
    return static_cast<unsigned>(c - '0');
  const auto lower = static_cast<char>(c | 0x20);
  if (lower < 'a' || lower > 'f')
    fail("broken JSON: not a hexadecimal digit");
  return static_cast<unsigned>(lower - 'a') + 10;
}

} // namespace

bool json_cursor::accept(char c) {
  skip_space();
  if (at_ == end_ || *at_ != c)
    return false;
  ++at_;
  return true;
}

void json_cursor::expect(char c) {
  if (!accept(c))
    fail(std::string{"broken JSON: expected "} + c);
}

char json_cursor::peek() {
  skip_space();
  return at_ == end_ ? '\0' : *at_;
}

json_string json_cursor::string() {
  expect('"');
  const auto* start = at_;
  auto bytes = uint64_t{0};
  for (;;) {
    const auto* special = find_special(at_, end_);
    bytes += static_cast<uint64_t>(special - at_);
    at_ = special;
    if (at_ == end_)
      fail("broken JSON: a string without an end");
    if (*at_ == '"')
      break;
    // Escapes come in runs: binary output is nothing else.
    while (at_ != end_ && *at_ == '\\')
      bytes += skip_escape();
  }
  const auto size = static_cast<size_t>(at_ - start);
  ++at_;
  return {{start, size}, bytes};
}

// Returns the bytes of UTF-8 the escape stands for. Each half of a surrogate
// pair counts two of the four bytes.
uint64_t json_cursor::skip_escape() {
  if (end_ - at_ < 2)
    fail("broken JSON: an escape without an end");
  if (at_[1] != 'u') {
    at_ += 2;
    return 1;
  }
  if (end_ - at_ < 6)
    fail("broken JSON: an escape without an end");
  auto code = 0u;
  for (auto i = 2; i < 6; ++i)
    code = code << 4 | hex_digit(at_[i]);
  at_ += 6;
  if (code < 0x80)
    return 1;
  const auto is_surrogate = code >= 0xd800 && code < 0xe000;
  return code < 0x800 || is_surrogate ? 2 : 3;
}

uint64_t json_cursor::number() {
  skip_space();
  auto value = uint64_t{0};
  for (; at_ != end_ && *at_ >= '0' && *at_ <= '9'; ++at_)
    value = value * 10 + static_cast<uint64_t>(*at_ - '0');
  return value;
}

void json_cursor::skip_value() {
  const auto first = peek();
  if (first == '"') {
    string();
  } else if (first == '{') {
    object([this](std::string_view) { skip_value(); });
  } else if (first == '[') {
    expect('[');
    if (accept(']'))
      return;
    do
      skip_value();
    while (accept(','));
    expect(']');
  } else {
    while (at_ != end_ && *at_ != ',' && *at_ != '}' && *at_ != ']')
      ++at_;
  }
}

void json_cursor::skip_space() {
  while (at_ != end_
         && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r'))
    ++at_;
}

} // namespace ocw::bench
