#pragma once

#include <caf/expected.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ocw::net {

/// Names and values, in the order they came; a name may repeat.
using named_values = std::vector<std::pair<std::string, std::string>>;

/// The first value of a name; null when there is none.
const std::string* find_value(const named_values& values,
                              std::string_view name);

/// What a request line points at, decoded.
struct request_target {
  std::vector<std::string> segments; ///< of the path: `/a/b` is {"a", "b"}
  named_values query;
};

/// Takes a request target apart. `ec::invalid_request` for a broken percent
/// encoding, control characters, or `.` and `..` in the path, however encoded.
caf::expected<request_target> parse_target(std::string_view raw);

// -- typed values of a query
// --------------------------------------------------- Absent: the default.
// Malformed: `ec::invalid_request` naming the parameter.

caf::expected<uint64_t> number_in(const named_values& query,
                                  std::string_view name, uint64_t when_absent);
/// `1`, `true` or nothing behind the name; `0`, `false`.
caf::expected<bool> flag_in(const named_values& query, std::string_view name);
/// Seconds, with a fraction, from 0 to 3600; in milliseconds.
caf::expected<std::optional<uint64_t>> wait_in(const named_values& query);

} // namespace ocw::net
