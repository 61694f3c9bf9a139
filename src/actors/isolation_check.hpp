#pragma once

#include "ocw/errors.hpp"
#include "ocw/messages/job.hpp"

#include <algorithm>

namespace ocw {

/// Refuses a job that requires a layer which is not in force here.
inline caf::error check_isolation(const job_request& request,
                                  const isolation_report& in_force) {
  for (const auto& wanted : request.require) {
    const auto& layers = in_force.layers;
    if (wanted != in_force.tier
        && std::find(layers.begin(), layers.end(), wanted) == layers.end())
      return make_error(ec::isolation_unavailable,
                        "the isolation layer '" + wanted
                          + "' is not in force on this node",
                        "require");
  }
  return {};
}

} // namespace ocw
