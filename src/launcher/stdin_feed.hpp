#pragma once

#include "launcher/fd.hpp"

#include <cstdint>
#include <deque>
#include <string>

namespace ocw::launcher {

/// The bytes on their way into a job's standard input. Beyond `capacity` the
/// shim stops reading from the node, so a job that does not read costs at most
/// that and one frame more.
class stdin_feed {
public:
  static constexpr size_t capacity = 16u << 20;

  /// Takes the shim's end of the pipe, which must not block.
  void open(unique_fd pipe) { pipe_ = std::move(pipe); }

  /// Queues and writes what fits. Without a reader the bytes are dropped.
  void push(std::string bytes);

  /// The job sees the end once everything queued is written.
  void finish();

  /// Writes what fits; for when the pipe has become writable.
  void pump();

  void close();

  bool wants_write() const { return pipe_ && !queue_.empty(); }
  bool full() const { return queued_ >= capacity; }

  /// How many of the bytes that were pushed have been written or dropped.
  uint64_t passed_on() const { return pushed_ - queued_; }

  int fd() const { return pipe_.get(); }

private:
  unique_fd pipe_;
  std::deque<std::string> queue_;
  size_t queued_ = 0;
  uint64_t pushed_ = 0;
  size_t written_ = 0; // of the first in the queue
  bool finishing_ = false;
};

} // namespace ocw::launcher
