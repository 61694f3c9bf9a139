#pragma once

#include "ocw/config.hpp"
#include "ocw/messages/session.hpp"

#include <caf/expected.hpp>

#include <cstdint>

namespace ocw {

/// The most output that a job may ask to have kept.
inline constexpr auto max_output_bytes = uint64_t{64} << 30;

/// The limits a job runs with: its own, else the node's defaults. A limit over
/// the node's maximum is `ec::limit_exceeded` with the field, the setting and
/// both values; nothing is clamped. `request` must have passed `check`.
///
/// The default timeout is the smaller of the session's and governance's: who
/// loads the settings makes both equal to the one set nearest to the user.
caf::expected<effective_limits> resolve_limits(const job_request& request,
                                               const config& settings);

} // namespace ocw
