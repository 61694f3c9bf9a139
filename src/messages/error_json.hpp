#pragma once

#include <caf/error.hpp>

#include <string>

namespace ocw {

/// An error as every door tells it: `{"error": …, "code": …, "details":
/// {"field": …, "reason": …}, "timestamp": …}`, with empty `details` when the
/// error is about no field.
std::string error_json(const caf::error& err);

} // namespace ocw
