#pragma once

#include "launcher/child.hpp"

namespace ocw::launcher {

/// The uid and gid a job sees itself as in a user namespace of its own.
inline constexpr uint32_t inside_id = 1000;

/// Becomes who the job runs as: the kernel uid and gid of its own, a user
/// namespace, no capabilities. For use between clone and exec: allocates
/// nothing, touches no errno. Returns 0 or -errno.
long take_identity(const child_plan& plan);

} // namespace ocw::launcher
