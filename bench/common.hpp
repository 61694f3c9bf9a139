#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// What both bench programs need: clocks, percentiles, file descriptors and one
// line of JSON as the result. A bench program has nobody to hand an error to,
// so everything unexpected ends it with a sentence on stderr and status 1.
namespace ocw::bench {

/// CLOCK_MONOTONIC in nanoseconds; comparable between processes.
int64_t now_ns();

[[noreturn]] void fail(std::string_view what);
/// Like `fail`, with the text of errno.
[[noreturn]] void fail_errno(std::string_view what);

/// A decimal number, or the end of the program with `name` in the message.
uint64_t parse_number(std::string_view text, std::string_view name);

/// The directory this program was started from, to find its siblings in.
std::string program_dir();

void write_all(int fd, std::string_view bytes);

/// Raises the soft limit of open files to the hard one.
void raise_file_limit();

/// Owns a file descriptor.
class unique_fd {
public:
  unique_fd() = default;
  explicit unique_fd(int fd) : fd_(fd) {}
  unique_fd(unique_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  unique_fd& operator=(unique_fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~unique_fd() { reset(); }

  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  void reset();

private:
  int fd_ = -1;
};

/// CPU time spent so far, in microseconds.
struct cpu_times {
  double self_us = 0;
  double children_us = 0; ///< of children that were waited for
};
cpu_times cpu_used();

/// Durations and their percentiles.
class latencies {
public:
  void add(int64_t duration_ns) { values_.push_back(duration_ns); }
  size_t size() const { return values_.size(); }
  void clear() { values_.clear(); }
  /// In microseconds; 0 when nothing was added.
  double percentile_us(double percent);

private:
  std::vector<int64_t> values_;
};

/// One flat JSON object.
class json_object {
public:
  json_object& add(std::string_view key, double value);
  json_object& add(std::string_view key, uint64_t value);
  /// `value` must need no escaping.
  json_object& add(std::string_view key, std::string_view value);
  /// Writes the object and a line feed to stdout.
  void print() const;

private:
  void add_key(std::string_view key);
  std::string text_;
};

} // namespace ocw::bench
