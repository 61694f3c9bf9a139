#pragma once

#include <nlohmann/json_fwd.hpp>

#include <span>
#include <string_view>

namespace ocw::net {

struct route_handler; // exchange.hpp

/// A query parameter.
struct parameter {
  std::string_view name;
  std::string_view type; ///< JSON Schema's word
  std::string_view sentence;
};

/// A named JSON Schema; none when `make` is null.
struct body_schema {
  std::string_view name = {};
  nlohmann::ordered_json (*make)() = nullptr;
};

/// One thing that can be asked over HTTP. This table is the only list of them:
/// routing, the OpenAPI document and the command line's help are loops over it.
struct operation {
  std::string_view name; ///< snake_case, unique
  std::string_view verb; ///< GET serves HEAD, too
  std::string_view path; ///< `{name}` captures a segment; `{path}` all the rest
  unsigned success = 200;
  std::string_view cli_verb = {}; ///< empty: none
  std::string_view sentence = {};
  body_schema request = {};
  body_schema response = {};
  std::string_view response_type = "application/json";
  std::span<const parameter> query = {};
  bool raw_body = false; ///< the body is bytes of any type, not JSON
  const route_handler* handler = nullptr;
};

/// All operations, in the order the documentation shows them.
std::span<const operation> operations();

} // namespace ocw::net
