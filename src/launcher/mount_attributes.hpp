#pragma once

#include <cstdint>
#include <string>

namespace ocw::launcher {

// Attributes of mounts as mount_setattr(2) knows them.
inline constexpr uint64_t attr_rdonly = 1;
inline constexpr uint64_t attr_nosuid = 2;
inline constexpr uint64_t attr_nodev = 4;
inline constexpr uint64_t attr_noexec = 8;
inline constexpr uint64_t system_attributes
  = attr_rdonly | attr_nosuid | attr_nodev;

/// Adds attributes to the mount at `path` and to all below it. False, and
/// errno, on failure.
bool restrict_mount(const std::string& path, uint64_t attributes);

} // namespace ocw::launcher
