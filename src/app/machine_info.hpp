#pragma once

#include <cstdint>
#include <string>

namespace ocw {

/// What this machine has, as a container or a control group limits it where
/// the kernel says so.
struct machine_info {
  std::string hostname;
  std::string architecture; ///< as uname(2) says: x86_64, aarch64, …
  double cpu_cores = 1;
  uint64_t memory_mib = 0;
};

machine_info this_machine();

} // namespace ocw
