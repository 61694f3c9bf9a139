#pragma once

#include "launcher/fd.hpp"

namespace ocw::launcher {

/// A new network namespace with nothing in it but a loopback device that is up.
/// For one job: it goes with its last process. Empty, and errno, on failure.
unique_fd make_network();

} // namespace ocw::launcher
