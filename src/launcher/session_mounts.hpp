#pragma once

#include "launcher/child.hpp"

namespace ocw::launcher {

/// Makes a session's root out of the launcher's, in a mount namespace of its
/// own. For use between clone and exec: allocates nothing, touches no errno.
/// Returns 0 or -errno.
long mount_session(const mount_plan& plan);

} // namespace ocw::launcher
