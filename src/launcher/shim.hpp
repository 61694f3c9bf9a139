#pragma once

namespace ocw::launcher {

/// Runs jobs for the node at the other end of `socket`, one after the other,
/// until it closes. Returns the exit status of the shim's process.
int run_shim(int socket);

} // namespace ocw::launcher
