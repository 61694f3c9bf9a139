#include "messages/json_values.hpp"

#include <array>
#include <charconv>
#include <chrono>

namespace ocw {

namespace {

constexpr auto most_bytes = uint64_t{1} << 63; // 8 EiB

struct unit {
  std::string_view name; ///< lower case
  uint64_t bytes;
};

constexpr auto units = std::to_array<unit>({
  {"b", 1},
  {"k", uint64_t{1} << 10},
  {"kb", uint64_t{1} << 10},
  {"kib", uint64_t{1} << 10},
  {"m", uint64_t{1} << 20},
  {"mb", uint64_t{1} << 20},
  {"mib", uint64_t{1} << 20},
  {"g", uint64_t{1} << 30},
  {"gb", uint64_t{1} << 30},
  {"gib", uint64_t{1} << 30},
  {"t", uint64_t{1} << 40},
  {"tb", uint64_t{1} << 40},
  {"tib", uint64_t{1} << 40},
});

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

size_t count_digits(std::string_view text) {
  auto n = size_t{0};
  while (n < text.size() && is_digit(text[n]))
    ++n;
  return n;
}

std::optional<uint64_t> unit_of(std::string_view text, uint64_t bare_unit) {
  if (text.empty())
    return bare_unit;
  auto lower = std::string{text};
  for (auto& c : lower)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  for (const auto& candidate : units)
    if (candidate.name == lower)
      return candidate.bytes;
  return std::nullopt;
}

/// The part of `unit_bytes` that a fraction's digits mean. Units are below
/// 2^41 and nine digits below 2^30, so the product needs 128 bits.
uint64_t fraction_of(std::string_view digits, uint64_t unit_bytes) {
  __extension__ using wide = unsigned __int128;
  auto value = wide{0};
  auto scale = wide{1};
  for (const auto digit : digits.substr(0, 18)) {
    value = value * 10 + static_cast<unsigned>(digit - '0');
    scale *= 10;
  }
  return static_cast<uint64_t>(value * unit_bytes / scale);
}

/// Exactly `width` digits at the front, which are removed.
bool take_number(std::string_view& text, size_t width, unsigned& value) {
  if (text.size() < width || count_digits(text.substr(0, width)) != width)
    return false;
  std::from_chars(text.data(), text.data() + width, value);
  text.remove_prefix(width);
  return true;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c)
    return false;
  text.remove_prefix(1);
  return true;
}

/// Milliseconds of a fraction's digits; finer ones are dropped.
bool take_fraction(std::string_view& text, unsigned& ms) {
  if (!take(text, '.'))
    return true;
  const auto digits = count_digits(text);
  for (auto i = size_t{0}; i < 3; ++i)
    ms = ms * 10 + (i < digits ? static_cast<unsigned>(text[i] - '0') : 0);
  text.remove_prefix(digits);
  return digits > 0;
}

} // namespace

std::optional<uint64_t> parse_size(std::string_view text, uint64_t bare_unit) {
  const auto whole_digits = count_digits(text);
  auto whole = uint64_t{0};
  const auto parsed
    = std::from_chars(text.data(), text.data() + whole_digits, whole);
  if (whole_digits == 0 || parsed.ec != std::errc{})
    return std::nullopt;
  text.remove_prefix(whole_digits);
  auto fraction = std::string_view{};
  if (take(text, '.')) {
    fraction = text.substr(0, count_digits(text));
    if (fraction.empty())
      return std::nullopt;
    text.remove_prefix(fraction.size());
  }
  const auto unit_bytes = unit_of(text, bare_unit);
  if (!unit_bytes || (*unit_bytes == 1 && !fraction.empty())
      || whole > most_bytes / *unit_bytes)
    return std::nullopt;
  const auto bytes = whole * *unit_bytes + fraction_of(fraction, *unit_bytes);
  return bytes <= most_bytes ? std::optional{bytes} : std::nullopt;
}

std::optional<int64_t> parse_iso_time(std::string_view text) {
  using namespace std::chrono;
  unsigned y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0, ms = 0;
  const auto well_formed
    = take_number(text, 4, y) && take(text, '-') && take_number(text, 2, mo)
      && take(text, '-') && take_number(text, 2, d) && take(text, 'T')
      && take_number(text, 2, h) && take(text, ':') && take_number(text, 2, mi)
      && take(text, ':') && take_number(text, 2, s) && take_fraction(text, ms)
      && text == "Z";
  const auto date
    = year_month_day{year{static_cast<int>(y)}, month{mo}, day{d}};
  if (!well_formed || !date.ok() || h > 23 || mi > 59 || s > 59)
    return std::nullopt;
  const auto moment
    = sys_days{date} + hours{h} + minutes{mi} + seconds{s} + milliseconds{ms};
  return duration_cast<milliseconds>(moment.time_since_epoch()).count();
}

} // namespace ocw
