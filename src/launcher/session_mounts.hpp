#pragma once

#include "launcher/child.hpp"

namespace ocw::launcher {

/// Attaches the session's own file system, if it has one, where its source is
/// in the plan. As below.
long attach_disk(const mount_plan& plan);

/// Makes a session's root out of the launcher's, in a mount namespace of its
/// own. For use between clone and exec: allocates nothing, touches no errno.
/// Returns 0 or -errno.
long mount_session(const mount_plan& plan);

} // namespace ocw::launcher
