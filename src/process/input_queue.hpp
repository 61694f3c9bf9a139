#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace ocw {

/// What became of bytes for a process's standard input.
enum class feeding : uint8_t {
  taken,
  full,   ///< nothing of them was taken; there may be room later
  closed, ///< the process takes no input
};

/// Standard input on its way to a shim. What the job does not read stays here,
/// within a bound, and only a window of it is under way at a time, so that
/// whatever else there is to say to the shim never waits behind it. Not
/// thread-safe.
class input_queue {
public:
  /// Bytes that may wait, unless it is one request alone that is larger.
  static constexpr size_t capacity = size_t{1} << 20;

  /// Bytes that may be sent before the shim has passed on any of them.
  static constexpr size_t window = size_t{256} << 10;

  /// Bytes of one frame at most.
  static constexpr size_t piece = size_t{64} << 10;

  /// Takes all of `bytes`, and the end after them if `eof`; or, when they find
  /// others waiting and no room, nothing: false.
  bool push(std::string bytes, bool eof);

  /// What may be sent next, at most a piece; empty: nothing for now.
  std::string_view next() const;

  /// Says that `size` bytes of `next` are under way.
  void sent(size_t size);

  /// Says how many bytes the shim has passed on, since the beginning.
  void passed_on(uint64_t total) { passed_on_ = total; }

  /// True once, when everything is under way and the end is due.
  bool take_end();

private:
  std::deque<std::string> waiting_;
  size_t bytes_ = 0;    // in `waiting_`
  size_t first_at_ = 0; // already sent of its first
  uint64_t sent_ = 0;
  uint64_t passed_on_ = 0;
  bool end_due_ = false;
};

} // namespace ocw
