#include "messages/base64.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

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

constexpr auto digits = [] {
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
  return digits[static_cast<byte>(text[at])];
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
  auto at = size_t{0};
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
