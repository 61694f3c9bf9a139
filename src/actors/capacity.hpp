#pragma once

#include "ocw/config.hpp"
#include "ocw/messages/admission.hpp"

#include <cstdint>
#include <string>
#include <unordered_map>

namespace ocw {

/// What one node agrees to carry at once. 0 cores or memory = not counted.
struct node_capacity {
  uint32_t executing = 1; ///< jobs with a process
  uint32_t sessions = 1;  ///< jobs in any phase
  double cpu_cores = 0;
  uint64_t memory_mib = 0;
};

/// The capacity that the settings give this machine.
node_capacity capacity_of(const config& settings, double machine_cores,
                          uint64_t machine_memory_mib);

/// Counts what is in use. Plain arithmetic; the governor decides with it.
class capacity {
public:
  explicit capacity(node_capacity limits) : limits_(limits) {}

  /// Whether the node could hold this at all, were it empty. Empty text: yes.
  std::string why_never(const acquire_slot& wants) const;

  /// Whether there is room right now.
  bool fits(const acquire_slot& wants) const;

  /// Counts a job that was granted a slot.
  void take(const acquire_slot& wants);

  /// The job has no process any more; its session stays. Harmless if unknown.
  void finish_execution(const std::string& job_id);

  /// The job is gone. Harmless if unknown.
  void give_back(const std::string& job_id);

  bool holds(const std::string& job_id) const { return held_.count(job_id); }

  /// Everything but `waiting`.
  node_load load() const;

private:
  struct holding {
    double cpu_cores;
    uint64_t memory_mib;
    bool executing;
  };

  void end_execution(holding& held);

  node_capacity limits_;
  std::unordered_map<std::string, holding> held_;
  uint32_t executing_ = 0;
  double cpu_cores_in_use_ = 0;
  uint64_t memory_mib_in_use_ = 0;
};

} // namespace ocw
