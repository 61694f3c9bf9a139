#pragma once

#include "app/machine_info.hpp"
#include "ocw/config.hpp"
#include "ocw/messages/listing.hpp"
#include "process/sandbox_report.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace ocw {

/// What a node tells of itself as a worker, without what changes.
worker_info describe_worker(const config& settings, const machine_info& machine,
                            const sandbox_report& sandbox);

/// Where a door can be reached from this machine; `scheme` is "http" or "ws",
/// to which TLS adds its s.
std::string url_for(const config& settings, std::string_view scheme,
                    uint16_t port);

} // namespace ocw
