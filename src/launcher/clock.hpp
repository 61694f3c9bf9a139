#pragma once

#include <cstdint>
#include <ctime>
#include <limits>

namespace ocw::launcher {

/// A deadline that never comes.
inline constexpr int64_t never = std::numeric_limits<int64_t>::max();

inline int64_t clock_ms(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
}

/// For deadlines: does not jump.
inline int64_t steady_ms() {
  return clock_ms(CLOCK_MONOTONIC);
}

/// For records: what the world calls the time.
inline int64_t unix_ms() {
  return clock_ms(CLOCK_REALTIME);
}

/// `ms` after `start`, where 0 means no limit.
inline int64_t deadline_after(int64_t start, uint64_t ms) {
  if (ms == 0 || ms > static_cast<uint64_t>(never - start))
    return never;
  return start + static_cast<int64_t>(ms);
}

} // namespace ocw::launcher
