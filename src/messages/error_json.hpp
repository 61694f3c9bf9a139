#pragma once

#include <caf/error.hpp>

#include <string>

namespace ocw {

/// An error as every door tells it: `{"error": …, "code": …, "details":
/// {"field": …, "reason": …}, "timestamp": …}`. An error that is about no field
/// has an empty one.
std::string error_json(const caf::error& err);

} // namespace ocw
