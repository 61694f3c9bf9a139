#pragma once

#include "http.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// The modes of bench_client: what a running node does.
namespace ocw::bench {

/// Sends the same request `total` times over `in_flight` kept-alive
/// connections, one request at a time on each.
struct load_plan {
  uint64_t total = 0;
  uint64_t in_flight = 1;
  uint64_t warm_up = 0; ///< requests before the clock starts
  std::string method_target = "POST /v1/jobs";
  std::string body;
  std::string expected; ///< text that every answer's body must contain
};
void run_load(const endpoint& node, const load_plan& plan);

/// The job request that starts `argv`, with room for `output_bytes`. A node
/// chooses the id when `job_id` is empty.
std::string job_request(const std::vector<std::string>& argv,
                        std::string_view job_id, uint64_t output_bytes);

/// The argv of a job that writes `size` bytes: "head" is zeros, 4 KiB per
/// write; "lines" is text, 64 KiB per write.
std::vector<std::string> producer(std::string_view kind, uint64_t size);

struct stream_plan {
  std::string kind; ///< "head" or "lines"
  uint64_t size = 0;
  bool use_sse = false; ///< else WebSocket
  uint64_t subscribers = 1;
};
/// How fast subscribers of one job get its output.
void run_stream(const endpoint& node, const stream_plan& plan);

/// How long a line takes from the job's write to a WebSocket subscriber.
void run_latency(const endpoint& node, uint64_t count, uint64_t interval_us);

/// One subscriber stops reading, another does not; then the first one goes on.
void run_stall(const endpoint& node, std::string_view kind, uint64_t size);

/// Connects `count` subscribers to a job that prints nothing, says so, and
/// keeps them until stdin ends.
void hold_subscribers(const endpoint& node, uint64_t count, bool use_sse);

} // namespace ocw::bench
