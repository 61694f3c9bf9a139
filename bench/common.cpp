#include "common.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <sys/resource.h>
#include <unistd.h>

namespace ocw::bench {

namespace {

double microseconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) * 1e6
         + static_cast<double>(time.tv_usec);
}

double total_us(const rusage& usage) {
  return microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
}

} // namespace

int64_t now_ns() {
  auto time = timespec{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t{time.tv_sec} * 1000000000 + time.tv_nsec;
}

void fail(std::string_view what) {
  fprintf(stderr, "bench: %.*s\n", static_cast<int>(what.size()), what.data());
  exit(1);
}

void fail_errno(std::string_view what) {
  const auto* reason = strerror(errno);
  fail(std::string{what} + ": " + reason);
}

uint64_t parse_number(std::string_view text, std::string_view name) {
  auto value = uint64_t{0};
  const auto* end = text.data() + text.size();
  auto [last, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || last != end)
    fail(std::string{name} + " must be a number, not '" + std::string{text}
         + "'");
  return value;
}

std::string program_dir() {
  char path[4096];
  auto size = readlink("/proc/self/exe", path, sizeof(path));
  if (size < 0)
    fail_errno("cannot read /proc/self/exe");
  auto text = std::string_view{path, static_cast<size_t>(size)};
  return std::string{text.substr(0, text.rfind('/'))};
}

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    auto n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      fail_errno("cannot write");
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

void raise_file_limit() {
  auto limit = rlimit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

void unique_fd::reset() {
  if (fd_ >= 0)
    close(fd_);
  fd_ = -1;
}

cpu_times cpu_used() {
  auto self = rusage{};
  auto children = rusage{};
  getrusage(RUSAGE_SELF, &self);
  getrusage(RUSAGE_CHILDREN, &children);
  return {total_us(self), total_us(children)};
}

double latencies::percentile_us(double percent) {
  if (values_.empty())
    return 0;
  auto last = static_cast<double>(values_.size() - 1);
  auto rank = std::lround(last * percent / 100);
  auto place = values_.begin() + rank;
  std::nth_element(values_.begin(), place, values_.end());
  return static_cast<double>(*place) / 1000;
}

json_object& json_object::add(std::string_view key, double value) {
  add_key(key);
  char digits[64];
  snprintf(digits, sizeof(digits), "%.3f", value);
  text_ += digits;
  return *this;
}

json_object& json_object::add(std::string_view key, uint64_t value) {
  add_key(key);
  text_ += std::to_string(value);
  return *this;
}

json_object& json_object::add(std::string_view key, std::string_view value) {
  add_key(key);
  text_ += '"';
  text_ += value;
  text_ += '"';
  return *this;
}

void json_object::print() const {
  write_all(STDOUT_FILENO, "{" + text_ + "}\n");
}

void json_object::add_key(std::string_view key) {
  if (!text_.empty())
    text_ += ',';
  text_ += '"';
  text_ += key;
  text_ += "\":";
}

} // namespace ocw::bench
