#pragma once

#include "app/config_loader.hpp"
#include "ocw/errors.hpp"
#include "support/catch.hpp"

#include <string>
#include <utility>

namespace ocw::test {

inline loaded_config loaded(const config_sources& from) {
  auto result = load_config(from);
  INFO((result ? "" : sentence_of(result.error())));
  REQUIRE(result);
  return std::move(*result);
}

inline std::string refusal(const config_sources& from) {
  const auto result = load_config(from);
  REQUIRE_FALSE(result);
  CHECK(code_of(result.error()) == ec::invalid_request);
  return sentence_of(result.error());
}

} // namespace ocw::test
