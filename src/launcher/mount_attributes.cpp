#include "launcher/mount_attributes.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ocw::launcher {

bool restrict_mount(const std::string& path, uint64_t attributes) {
  struct {
    uint64_t set = 0;
    uint64_t clear = 0;
    uint64_t propagation = 0;
    uint64_t userns_fd = 0;
  } wanted;
  wanted.set = attributes;
  constexpr long mount_setattr_number = 442; // on all architectures
  return ::syscall(mount_setattr_number, AT_FDCWD, path.c_str(), AT_RECURSIVE,
                   &wanted, sizeof(wanted))
         == 0;
}

} // namespace ocw::launcher
