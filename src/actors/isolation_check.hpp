#pragma once

#include "ocw/config.hpp"
#include "ocw/errors.hpp"
#include "ocw/messages/job.hpp"

#include <algorithm>
#include <string_view>

namespace ocw {

/// The layer that keeps a job from executing what is not allowed.
inline constexpr std::string_view exec_allowlist_layer = "exec_allowlist";

/// Refuses a job that requires a layer which is not in force here, and every
/// job where the settings require one.
inline caf::error check_isolation(const job_request& request,
                                  const isolation_report& in_force,
                                  exec_policy executes) {
  const auto& layers = in_force.layers;
  const auto has = [&layers](std::string_view layer) {
    return std::find(layers.begin(), layers.end(), layer) != layers.end();
  };
  if (executes == exec_policy::allowlist && !has(exec_allowlist_layer))
    return make_error(ec::isolation_unavailable,
                      "security.exec_policy is allowlist, which the tier "
                      "in force on this node ("
                        + in_force.tier + ") cannot enforce");
  for (const auto& wanted : request.require) {
    if (wanted != in_force.tier && !has(wanted))
      return make_error(ec::isolation_unavailable,
                        "the isolation layer '" + wanted
                          + "' is not in force on this node",
                        "require");
  }
  return {};
}

} // namespace ocw
