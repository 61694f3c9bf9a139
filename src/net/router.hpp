#pragma once

#include "net/operations.hpp"
#include "net/target.hpp"

#include <span>
#include <string>
#include <string_view>

namespace ocw::net {

/// What a path and a verb lead to.
struct route_match {
  const operation* found = nullptr;
  named_values captures; ///< by the names in the pattern, decoded
  std::string allowed;   ///< the verbs of this path; empty: no such path
};

/// Finds the operation for a request. HEAD is served by GET's.
route_match find_route(std::span<const operation> table, std::string_view verb,
                       const request_target& target);

/// Names the query parameter that an operation does not have; empty if none.
std::string_view unknown_parameter(const operation& what,
                                   const named_values& query);

} // namespace ocw::net
