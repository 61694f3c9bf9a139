#include "net/byte_range.hpp"

#include <algorithm>
#include <charconv>

namespace ocw::net {

namespace {

std::optional<uint64_t> number_of(std::string_view digits) {
  auto value = uint64_t{0};
  const auto* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  // A number beyond all measure is beyond every end, too.
  if (error == std::errc::result_out_of_range)
    return UINT64_MAX;
  if (error != std::errc{} || stop != end)
    return std::nullopt;
  return value;
}

range_answer last_bytes(std::string_view count, uint64_t size) {
  const auto wanted = number_of(count);
  if (!wanted)
    return {};
  if (*wanted == 0 || size == 0)
    return {.satisfiable = false, .part = {}};
  const auto length = std::min(*wanted, size);
  return {.part = byte_span{size - length, length}};
}

range_answer from_first(std::string_view first, std::string_view last,
                        uint64_t size) {
  const auto begin = number_of(first);
  const auto end = last.empty() ? std::optional{UINT64_MAX} : number_of(last);
  if (!begin || !end || *end < *begin)
    return {};
  if (*begin >= size)
    return {.satisfiable = false, .part = {}};
  const auto final_byte = std::min(*end, size - 1);
  return {.part = byte_span{*begin, final_byte - *begin + 1}};
}

} // namespace

range_answer read_range(std::string_view header, uint64_t size) {
  constexpr auto unit = std::string_view{"bytes="};
  if (!header.starts_with(unit))
    return {};
  header.remove_prefix(unit.size());
  const auto dash = header.find('-');
  if (dash == std::string_view::npos)
    return {};
  const auto first = header.substr(0, dash);
  const auto last = header.substr(dash + 1);
  return first.empty() ? last_bytes(last, size) : from_first(first, last, size);
}

} // namespace ocw::net
