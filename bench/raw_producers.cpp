#include "common.hpp"
#include "raw.hpp"

#include <cstdio>
#include <ctime>
#include <unistd.h>

namespace ocw::bench {

namespace {

constexpr auto block = size_t{64} << 10;
constexpr auto line_length = size_t{64};

/// 1,024 different lines, as a log would have them.
std::string text_block() {
  auto text = std::string{};
  text.reserve(block);
  for (auto i = size_t{0}; text.size() < block; ++i) {
    char line[line_length + 1];
    snprintf(line, sizeof(line), "%06zu info  request served in %04zu us, ", i,
             i * 7 % 10000);
    auto words = std::string{line};
    words.resize(line_length - 1, 'x');
    text += words + '\n';
  }
  return text;
}

timespec time_of(int64_t ns) {
  auto time = timespec{};
  time.tv_sec = ns / 1000000000;
  time.tv_nsec = ns % 1000000000;
  return time;
}

void sleep_until(int64_t ns) {
  const auto time = time_of(ns);
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nullptr);
}

} // namespace

void write_lines(uint64_t size) {
  const auto text = text_block();
  while (size > 0) {
    const auto part = size < text.size() ? size : text.size();
    write_all(STDOUT_FILENO, std::string_view{text}.substr(0, part));
    size -= part;
  }
}

void write_timestamps(uint64_t count, uint64_t interval_us) {
  constexpr auto time_to_subscribe_ns = int64_t{300000000};
  auto next = now_ns() + time_to_subscribe_ns;
  for (auto i = uint64_t{0}; i < count; ++i) {
    sleep_until(next);
    write_all(STDOUT_FILENO, std::to_string(now_ns()) + "\n");
    next += static_cast<int64_t>(interval_us) * 1000;
  }
}

} // namespace ocw::bench
