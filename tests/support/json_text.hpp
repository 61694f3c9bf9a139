#pragma once

#include "messages/json_writer.hpp"

#include <string>

namespace ocw::test {

template <class T>
std::string text_of(const T& x, write_options options = {}) {
  auto result = std::string{};
  write_json(result, x, options);
  return result;
}

} // namespace ocw::test
