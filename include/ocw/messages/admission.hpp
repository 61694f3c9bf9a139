#pragma once

#include <cstdint>
#include <string>

namespace ocw {

/// Asks the governor for room to run one job. The answer is a `slot_granted`
/// or a `slot_refused` to the sender, who holds the slot until it releases it
/// or dies.
struct acquire_slot {
  std::string job_id;
  double cpu_cores = 1;      ///< counted against capacity × overcommit
  uint64_t memory_mib = 256; ///< likewise
  uint32_t priority = 50;    ///< higher first
  std::string owner;         ///< within one priority, owners take turns
};

/// There is room: run the job now.
struct slot_granted {
  std::string job_id;
};

/// This node could never hold the job.
struct slot_refused {
  std::string job_id;
  std::string why;
};

/// Gives a slot back, or leaves the queue. Doing it twice is harmless.
struct release_slot {
  std::string job_id;
  bool keeps_session = false; ///< its process is gone, its session not yet
};

/// Asks for the current `node_load`.
struct get_load {};

/// How full this node is, as the governor counts it.
struct node_load {
  uint32_t running = 0;
  uint32_t waiting = 0;
  uint32_t concurrency = 0;
  double cpu_cores_in_use = 0;
  uint64_t memory_mib_in_use = 0;
};

template <class Inspector>
bool inspect(Inspector& f, acquire_slot& x) {
  return f.object(x).fields(
    f.field("job_id", x.job_id), f.field("cpu", x.cpu_cores),
    f.field("memory_mib", x.memory_mib), f.field("priority", x.priority),
    f.field("owner", x.owner));
}

template <class Inspector>
bool inspect(Inspector& f, slot_granted& x) {
  return f.object(x).fields(f.field("job_id", x.job_id));
}

template <class Inspector>
bool inspect(Inspector& f, slot_refused& x) {
  return f.object(x).fields(f.field("job_id", x.job_id), f.field("why", x.why));
}

template <class Inspector>
bool inspect(Inspector& f, release_slot& x) {
  return f.object(x).fields(
    f.field("job_id", x.job_id),
    f.field("keeps_session", x.keeps_session).fallback(false));
}

template <class Inspector>
bool inspect(Inspector& f, get_load& x) {
  return f.object(x).fields();
}

template <class Inspector>
bool inspect(Inspector& f, node_load& x) {
  return f.object(x).fields(f.field("running", x.running),
                            f.field("waiting", x.waiting),
                            f.field("concurrency", x.concurrency),
                            f.field("cpu_in_use", x.cpu_cores_in_use),
                            f.field("memory_mib_in_use", x.memory_mib_in_use));
}

} // namespace ocw
