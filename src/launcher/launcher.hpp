#pragma once

namespace ocw::launcher {

/// Serves `fork_shim` on the stream socket `control` until it closes. Returns
/// the exit status: 0 after a close, 1 after a frame that makes no sense.
int run_launcher(int control);

} // namespace ocw::launcher
