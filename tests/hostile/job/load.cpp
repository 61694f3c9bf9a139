#include "hostile/job/hostile_job.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>

// Jobs that use more than their share, and one that suffers from others.

namespace hostile {
namespace {

constexpr long mib = 1 << 20;

double now_s() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec)
         + static_cast<double>(now.tv_nsec) / 1e9;
}

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec)
         + static_cast<double>(time.tv_usec) / 1e6;
}

} // namespace

// The main process takes none, and ends well whatever becomes of the others.
int take_memory(const words& arguments) {
  const auto processes = number(arguments, 0, 1);
  const auto bytes = static_cast<size_t>(number(arguments, 1, 1) * mib);
  for (long i = 0; i < processes; ++i)
    if (::fork() == 0) {
      auto* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (at == MAP_FAILED)
        ::_exit(1);
      std::memset(at, 1, bytes);
      ::poll(nullptr, 0, 1500); // together with all others
      ::_exit(0);
    }
  while (::wait(nullptr) > 0)
    continue;
  std::puts("went on");
  return 0;
}

// Memory that is in no process's resident set.
int fill_memory_file(const words& arguments) {
  const auto fd = ::memfd_create("full", MFD_CLOEXEC);
  const std::string block(mib, 'x');
  for (long i = 0; i < number(arguments, 0, 1); ++i)
    if (::write(fd, block.data(), block.size()) < 0)
      return 1;
  std::puts("filled");
  return 0;
}

// Prints the cores that all of them together had.
int spin(const words& arguments) {
  const auto begin = now_s();
  const auto end
    = begin + static_cast<double>(number(arguments, 1, 1000)) / 1e3;
  for (long i = 0; i < number(arguments, 0, 1); ++i)
    if (::fork() == 0) {
      while (now_s() < end)
        continue;
      ::_exit(0);
    }
  while (::wait(nullptr) > 0)
    continue;
  rusage used{};
  ::getrusage(RUSAGE_CHILDREN, &used);
  std::printf("%.3f\n", (seconds_of(used.ru_utime) + seconds_of(used.ru_stime))
                          / (now_s() - begin));
  return 0;
}

// Prints how many processes it could have at once, itself not counted.
int count_forks(const words& arguments) {
  long count = 0;
  for (; count < number(arguments, 0, 1); ++count) {
    const auto pid = ::fork();
    if (pid == 0)
      stay();
    if (pid < 0)
      break;
  }
  std::printf("%ld\n", count);
  return 0;
}

// What an honest job does all day, starting processes; prints the median in µs.
int beat(const words& arguments) {
  std::vector<double> taken;
  for (long i = 0; i < number(arguments, 0, 100); ++i) {
    const auto begin = now_s();
    const auto pid = ::fork();
    if (pid == 0)
      ::_exit(0);
    ::waitpid(pid, nullptr, 0);
    taken.push_back(now_s() - begin);
  }
  std::sort(taken.begin(), taken.end());
  std::printf("%.1f\n", taken[taken.size() / 2] * 1e6);
  return 0;
}

int flood(const words& arguments) {
  const std::string block(mib, 'x');
  for (long i = 0; i < number(arguments, 0, 1); ++i)
    for (size_t at = 0; at < block.size();) {
      const auto done = ::write(1, block.data() + at, block.size() - at);
      if (done <= 0)
        return 1;
      at += static_cast<size_t>(done);
    }
  return 0;
}

} // namespace hostile
