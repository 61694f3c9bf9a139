#include "app/machine_info.hpp"

#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

namespace ocw {

machine_info this_machine() {
  auto result = machine_info{};
  auto about = utsname{};
  if (::uname(&about) == 0) {
    result.hostname = about.nodename;
    result.architecture = about.machine;
  }
  // The affinity mask, not the number of processors: it is what we may use.
  auto mask = cpu_set_t{};
  result.cpu_cores = ::sched_getaffinity(0, sizeof(mask), &mask) == 0
                       ? CPU_COUNT(&mask)
                       : std::max(1u, std::thread::hardware_concurrency());
  const auto pages = static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES));
  const auto page_size = static_cast<uint64_t>(::sysconf(_SC_PAGE_SIZE));
  result.memory_mib = (pages * page_size) >> 20;
  return result;
}

} // namespace ocw
