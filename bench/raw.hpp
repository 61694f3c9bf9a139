#pragma once

#include <cstdint>
#include <string>
#include <vector>

// The modes of bench_raw: what this machine can do without any worker node.
namespace ocw::bench {

/// Runs `argv` `total` times, `in_flight` at once, from one thread with
/// posix_spawn, two pipes and a pidfd each: the least a program can do that
/// starts jobs and captures what they print.
struct spawn_plan {
  uint64_t total = 0;
  uint64_t in_flight = 1;
  uint64_t warm_up = 0; ///< jobs before the clock starts
  std::vector<std::string> argv;
};
void run_spawn(const spawn_plan& plan);

/// Copies the output of `producer` from its pipe to TCP loopback connections,
/// one per subscriber, with read and write, 64 KiB at a time, and reports what
/// the reader of all of them saw: the least a program can do that streams a
/// job's output.
struct relay_plan {
  std::vector<std::string> producer;
  uint64_t subscribers = 1;
  std::string kept_in; ///< a file that gets every byte too; empty: none
};
void run_relay(const relay_plan& plan);

/// The same with timestamped lines: how long a line takes to arrive.
void run_relay_latency(const relay_plan& plan);

/// Writes `size` bytes of 64-byte text lines, 64 KiB per write.
void write_lines(uint64_t size);

/// Writes `count` lines that hold CLOCK_MONOTONIC in nanoseconds, one every
/// `interval_us`, after a pause in which whoever follows can subscribe.
void write_timestamps(uint64_t count, uint64_t interval_us);

} // namespace ocw::bench
