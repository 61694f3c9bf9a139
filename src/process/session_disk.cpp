#include "process/session_disk.hpp"

namespace ocw {

namespace {

constexpr uint64_t block_bytes = 4096;
constexpr uint64_t free_files = 1024;

} // namespace

uint64_t files_of_disk(uint64_t disk_bytes) {
  return disk_bytes / block_bytes + free_files;
}

bool fits_in_memory(const effective_limits& limits) {
  return limits.disk_bytes < limits.memory_mib << 20;
}

session_place place_on(disk_handle disk, const session_config& settings) {
  auto root = "/proc/self/fd/" + std::to_string(disk->get());
  return {layout_below(settings, std::move(root)), std::move(disk)};
}

} // namespace ocw
