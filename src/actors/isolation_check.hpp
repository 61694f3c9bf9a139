#pragma once

#include "ocw/config.hpp"
#include "ocw/errors.hpp"
#include "ocw/messages/job.hpp"

#include <algorithm>
#include <string_view>

namespace ocw {

/// The layers that keep a job from executing what is not allowed.
inline constexpr std::string_view exec_allowlist_layer = "exec_allowlist";
inline constexpr std::string_view exec_direct_layer = "exec_direct";

/// Refuses a job that requires a layer which is not in force here, and every
/// job where the settings require one.
inline caf::error check_isolation(const job_request& request,
                                  const isolation_report& in_force,
                                  exec_policy executes) {
  const auto& layers = in_force.layers;
  const auto has = [&layers](std::string_view layer) {
    return std::find(layers.begin(), layers.end(), layer) != layers.end();
  };
  const auto is_enforced
    = executes == exec_policy::any || has(exec_allowlist_layer)
      || (executes == exec_policy::allowlist_direct && has(exec_direct_layer));
  if (!is_enforced)
    return make_error(ec::isolation_unavailable,
                      "security.exec_policy is "
                        + std::string{word_of(executes)}
                        + ", which the tier in force on this node ("
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
