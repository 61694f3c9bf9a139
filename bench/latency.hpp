#pragma once

#include "common.hpp"

#include <string>
#include <string_view>

namespace ocw::bench {

/// Reads lines that hold the time they were written at (CLOCK_MONOTONIC,
/// nanoseconds) and collects how long ago that was.
class line_latency {
public:
  /// Takes the next bytes of the stream, received at `now`. Lines may be cut
  /// anywhere.
  void add(std::string_view bytes, int64_t now);

  uint64_t samples() const { return delays_.size(); }
  double percentile_us(double percent) {
    return delays_.percentile_us(percent);
  }

private:
  // The first lines pay for caches and page faults on every hop.
  static constexpr auto ignored = uint64_t{20};

  std::string partial_;
  uint64_t lines_ = 0;
  latencies delays_;
};

} // namespace ocw::bench
