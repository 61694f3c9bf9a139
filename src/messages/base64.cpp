#include "messages/base64.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <tmmintrin.h>
#endif

namespace ocw {

namespace {

using byte = unsigned char;

constexpr auto alphabet = std::string_view{
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"};

/// Two characters for each 12 bits: half the look-ups of one for each 6.
constexpr auto pairs = [] {
  auto result = std::array<std::array<char, 2>, 4096>{};
  for (auto i = size_t{0}; i < result.size(); ++i)
    result[i] = {alphabet[i >> 6], alphabet[i & 63]};
  return result;
}();

constexpr auto no_digit = uint32_t{0x80000000};

constexpr auto digit_values = [] {
  auto result = std::array<uint32_t, 256>{};
  result.fill(no_digit);
  for (auto i = uint32_t{0}; i < alphabet.size(); ++i)
    result[static_cast<byte>(alphabet[i])] = i;
  return result;
}();

uint32_t byte_at(std::string_view bytes, size_t at) {
  return static_cast<byte>(bytes[at]);
}

uint32_t digit_at(std::string_view text, size_t at) {
  return digit_values[static_cast<byte>(text[at])];
}

void put(char* to, uint32_t bits24) {
  std::memcpy(to, pairs[bits24 >> 12].data(), 2);
  std::memcpy(to + 2, pairs[bits24 & 0xFFF].data(), 2);
}

/// The last group, of one or two bytes.
void put_tail(char* to, std::string_view rest) {
  const auto second = rest.size() == 2 ? byte_at(rest, 1) << 8 : 0;
  put(to, byte_at(rest, 0) << 16 | second);
  to[3] = '=';
  if (rest.size() == 1)
    to[2] = '=';
}

#if defined(__x86_64__)

/// Encodes 12 bytes at a time, as far as 16 can be read; returns how many
/// bytes that were. For processors that have SSSE3, which is nearly all.
__attribute__((target("ssse3"))) size_t put_blocks(char* to,
                                                   std::string_view bytes) {
  // Each group of 3 bytes as b a c b, so that every 6 bits can be shifted to
  // the bottom of a byte within 16 bits.
  const auto spread
    = _mm_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10);
  // What to add to a digit's value, by class: 0 is a to z, 1 to 10 are the
  // figures, 11 and 12 are + and /, 13 is A to Z.
  const auto offsets = _mm_setr_epi8(71, -4, -4, -4, -4, -4, -4, -4, -4, -4, -4,
                                     -19, -16, 65, 0, 0);
  auto at = size_t{0};
  for (; at + 16 <= bytes.size(); at += 12, to += 16) {
    const auto groups = _mm_shuffle_epi8(
      _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes.data() + at)),
      spread);
    const auto first_and_third
      = _mm_mulhi_epu16(_mm_and_si128(groups, _mm_set1_epi32(0x0FC0FC00)),
                        _mm_set1_epi32(0x04000040));
    const auto second_and_fourth
      = _mm_mullo_epi16(_mm_and_si128(groups, _mm_set1_epi32(0x003F03F0)),
                        _mm_set1_epi32(0x01000010));
    const auto values = _mm_or_si128(first_and_third, second_and_fourth);
    const auto capitals = _mm_cmpgt_epi8(_mm_set1_epi8(26), values);
    const auto classes
      = _mm_or_si128(_mm_subs_epu8(values, _mm_set1_epi8(51)),
                     _mm_and_si128(capitals, _mm_set1_epi8(13)));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to),
                     _mm_add_epi8(values, _mm_shuffle_epi8(offsets, classes)));
  }
  return at;
}

const bool has_blocks = __builtin_cpu_supports("ssse3") != 0;

#else

constexpr bool has_blocks = false;

size_t put_blocks(char*, std::string_view) {
  return 0;
}

#endif

/// Four characters as 24 bits; `no_digit` is set if one is no digit.
uint32_t group_at(std::string_view text, size_t at) {
  const auto a = digit_at(text, at);
  const auto b = digit_at(text, at + 1);
  const auto c = digit_at(text, at + 2);
  const auto d = digit_at(text, at + 3);
  const auto wrong = (a | b | c | d) & no_digit;
  return wrong | (a & 63) << 18 | (b & 63) << 12 | (c & 63) << 6 | (d & 63);
}

/// The last group, with one or two characters of padding.
bool append_tail(std::string& out, std::string_view group) {
  const auto a = digit_at(group, 0);
  const auto b = digit_at(group, 1);
  if (((a | b) & no_digit) != 0)
    return false;
  if (group[2] == '=') {
    out += static_cast<char>(a << 2 | b >> 4);
    return (b & 0xF) == 0;
  }
  const auto c = digit_at(group, 2);
  if ((c & no_digit) != 0 || (c & 3) != 0)
    return false;
  out += static_cast<char>(a << 2 | b >> 4);
  out += static_cast<char>((b & 0xF) << 4 | c >> 2);
  return true;
}

bool append_groups(std::string& out, std::string_view text) {
  const auto start = out.size();
  out.resize(start + text.size() / 4 * 3);
  auto* to = out.data() + start;
  auto wrong = uint32_t{0};
  for (auto at = size_t{0}; at < text.size(); at += 4, to += 3) {
    const auto bits = group_at(text, at);
    wrong |= bits;
    to[0] = static_cast<char>(bits >> 16);
    to[1] = static_cast<char>(bits >> 8);
    to[2] = static_cast<char>(bits);
  }
  return (wrong & no_digit) == 0;
}

} // namespace

void base64_append(std::string& out, std::string_view bytes) {
  const auto start = out.size();
  out.resize(start + (bytes.size() + 2) / 3 * 4);
  auto* to = out.data() + start;
  auto at = has_blocks ? put_blocks(to, bytes) : size_t{0};
  to += at / 3 * 4;
  for (; at + 3 <= bytes.size(); at += 3, to += 4)
    put(to, byte_at(bytes, at) << 16 | byte_at(bytes, at + 1) << 8
              | byte_at(bytes, at + 2));
  if (at < bytes.size())
    put_tail(to, bytes.substr(at));
}

bool base64_decode(std::string& out, std::string_view text) {
  if (text.size() % 4 != 0)
    return false;
  const auto start = out.size();
  const auto padded = !text.empty() && text.back() == '=';
  const auto whole = text.size() - (padded ? 4 : 0);
  const auto good = append_groups(out, text.substr(0, whole))
                    && (!padded || append_tail(out, text.substr(whole)));
  if (!good)
    out.resize(start);
  return good;
}

} // namespace ocw
