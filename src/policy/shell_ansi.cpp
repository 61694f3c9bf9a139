#include "policy/shell_reader.hpp"

#include <array>
#include <charconv>
#include <utility>

// Quoting as in C: $'…'.

namespace ocw::policy {

namespace {

constexpr auto letters = std::to_array<std::pair<char, char>>({{'a', '\a'},
                                                               {'b', '\b'},
                                                               {'e', '\x1b'},
                                                               {'E', '\x1b'},
                                                               {'f', '\f'},
                                                               {'n', '\n'},
                                                               {'r', '\r'},
                                                               {'t', '\t'},
                                                               {'v', '\v'}});

void append_utf8(std::string& out, uint32_t point) {
  const auto tail = [&](unsigned shift) {
    out += static_cast<char>(0x80 | ((point >> shift) & 0x3F));
  };
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xC0 | (point >> 6));
    tail(0);
  } else if (point < 0x10000) {
    out += static_cast<char>(0xE0 | (point >> 12));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xF0 | ((point >> 18) & 0x07));
    tail(12);
    tail(6);
    tail(0);
  }
}

/// A number of at most `most` digits behind the first `skip` characters;
/// returns how many characters it and they are, 0 without a digit.
size_t append_number(std::string& out, std::string_view text, size_t skip,
                     std::pair<int, size_t> base_and_most) {
  const auto digits = text.substr(skip, base_and_most.second);
  auto value = uint32_t{0};
  const auto read = std::from_chars(
    digits.data(), digits.data() + digits.size(), value, base_and_most.first);
  if (read.ptr == digits.data())
    return 0;
  if (text.front() == 'u' || text.front() == 'U')
    append_utf8(out, value);
  else
    out += static_cast<char>(value & 0xFF);
  return skip + static_cast<size_t>(read.ptr - digits.data());
}

/// What a backslash and `text` mean; returns how much of `text` that was.
size_t append_escape(std::string& out, std::string_view text) {
  const auto c = text.front();
  for (const auto& [letter, meaning] : letters)
    if (c == letter) {
      out += meaning;
      return 1;
    }
  if (c == 'c' && text.size() > 1) {
    out += static_cast<char>(text[1] & 0x1F);
    return 2;
  }
  auto length = size_t{0};
  if (c >= '0' && c <= '7')
    length = append_number(out, text, 0, {8, 3});
  else if (c == 'x')
    length = append_number(out, text, 1, {16, 2});
  else if (c == 'u')
    length = append_number(out, text, 1, {16, 4});
  else if (c == 'U')
    length = append_number(out, text, 1, {16, 8});
  if (length > 0)
    return length;
  if (c != '\\' && c != '\'' && c != '"' && c != '?')
    out += '\\';
  out += c;
  return 1;
}

} // namespace

void append_ansi(std::string& out, std::string_view inside) {
  auto decoded = std::string{};
  while (!inside.empty()) {
    if (inside.front() != '\\' || inside.size() == 1) {
      decoded += inside.front();
      inside.remove_prefix(1);
    } else {
      inside.remove_prefix(1);
      inside.remove_prefix(append_escape(decoded, inside));
    }
  }
  // A byte of value 0 ends the quoted text, for the shell too.
  out += decoded.substr(0, decoded.find('\0'));
}

} // namespace ocw::policy
