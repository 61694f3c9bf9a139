#include "messages/json_writer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace ocw {

namespace {

template <class T>
void append_number(std::string& out, T x) {
  auto digits = std::array<char, 32>{};
  const auto end
    = std::to_chars(digits.data(), digits.data() + digits.size(), x).ptr;
  out.append(digits.data(), end);
}

} // namespace

bool json_writer::omits(std::string_view name) const {
  return depth_ == 1
         && std::find(options_.omit.begin(), options_.omit.end(), name)
              != options_.omit.end();
}

void json_writer::write_integer(int64_t x) {
  append_number(out_, x);
}

void json_writer::write_integer(uint64_t x) {
  append_number(out_, x);
}

void json_writer::write_real(double x) {
  // JSON has no word for infinity or for what is no number.
  if (std::isfinite(x))
    append_number(out_, x);
  else
    out_ += "null";
}

} // namespace ocw
