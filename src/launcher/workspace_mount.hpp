#pragma once

#include "launcher/fd.hpp"

#include <cstdint>
#include <string>

namespace ocw::launcher {

/// A mount of the directory `path` that is attached nowhere yet, on which what
/// belongs to the directory's owner and group belongs to `uid` and `gid`, and
/// the other way round. What belongs to others stays out of a job's reach.
/// Needs real root. Empty, and errno, on failure. mount_setattr(2)
unique_fd make_workspace_mount(const std::string& path, uint32_t uid,
                               uint32_t gid);

} // namespace ocw::launcher
