#pragma once

#include "app/http_client.hpp"
#include "ocw/messages/output.hpp"

#include <caf/error.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace ocw {

/// How to follow a job's events.
struct follow_options {
  uint64_t from_seq = 1;
  /// How often a broken connection is tried again without any progress.
  unsigned attempts = 8;
  std::chrono::milliseconds first_pause{100}; ///< doubles with each attempt
  std::chrono::milliseconds longest_pause{5000};
  /// The longest silence; a node sends something every 15 s.
  std::chrono::milliseconds patience{45000};
};

/// Takes an event. False: that was enough.
using job_event_function = std::function<bool(const job_event&)>;

/// Hands a job's events to `each`, in order, without gap or duplicate, from
/// `from_seq` to the terminal one. A connection that breaks is made again and
/// goes on behind the last event. Blocks.
///
/// Errors: those of `http_client` when the node stayed away, the node's own
/// when it refused, and `ec::internal` for an event that cannot be read.
caf::error follow_events(http_client& node, const std::string& job_id,
                         const follow_options& how,
                         const job_event_function& each);

} // namespace ocw
