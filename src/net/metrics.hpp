#pragma once

#include "ocw/messages/listing.hpp"

#include <cstdint>
#include <string>

namespace ocw::net {

/// What the egress proxies of all sessions did since the node started.
struct egress_counters {
  uint64_t opened = 0;
  uint64_t refused = 0;
};

/// What the process itself uses and does.
struct process_usage {
  uint64_t resident_bytes = 0;
  uint64_t open_files = 0;
  uint32_t websocket_clients = 0;
  egress_counters egress;
};

/// This process, from /proc; what only its doors know is left 0.
process_usage measure_process();

/// A node's report in Prometheus' text format, version 0.0.4.
std::string prometheus_text(const node_report& node,
                            const process_usage& process);

} // namespace ocw::net
