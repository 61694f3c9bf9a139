#pragma once

#include "launcher/sandbox.hpp"

namespace ocw::launcher {

/// Runs jobs for the node at the other end of `socket`, one after the other,
/// until it closes; `shared` is what the launcher found to hold them. Returns
/// the exit status of the shim's process.
int run_shim(int socket, const sandbox& shared);

} // namespace ocw::launcher
