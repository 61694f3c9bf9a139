#include "actors/capacity.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ocw {

namespace {

// Sums of decimal fractions do not come out even.
constexpr double core_tolerance = 1e-6;

} // namespace

node_capacity capacity_of(const config& settings, double machine_cores,
                          uint64_t machine_memory_mib) {
  const auto& rules = settings.governance;
  return {
    .executing = settings.worker.concurrency,
    .sessions = std::max(settings.session.max_concurrent_sessions,
                         settings.worker.concurrency),
    .cpu_cores = machine_cores * rules.cpu_overcommit,
    .memory_mib = static_cast<uint64_t>(static_cast<double>(machine_memory_mib)
                                        * rules.memory_overcommit),
  };
}

std::string capacity::why_never(const acquire_slot& wants) const {
  if (limits_.cpu_cores > 0
      && wants.cpu_cores > limits_.cpu_cores + core_tolerance)
    return fmt::format("needs {} cores and this node lends {} at most "
                       "(cores × governance.cpu_overcommit)",
                       wants.cpu_cores, limits_.cpu_cores);
  if (limits_.memory_mib > 0 && wants.memory_mib > limits_.memory_mib)
    return fmt::format("needs {} MB of memory and this node lends {} MB at "
                       "most (memory × governance.memory_overcommit)",
                       wants.memory_mib, limits_.memory_mib);
  return {};
}

bool capacity::fits(const acquire_slot& wants) const {
  if (executing_ >= limits_.executing || held_.size() >= limits_.sessions)
    return false;
  if (limits_.cpu_cores > 0
      && cpu_cores_in_use_ + wants.cpu_cores
           > limits_.cpu_cores + core_tolerance)
    return false;
  return limits_.memory_mib == 0
         || memory_mib_in_use_ + wants.memory_mib <= limits_.memory_mib;
}

void capacity::take(const acquire_slot& wants) {
  held_.emplace(wants.job_id, holding{wants.cpu_cores, wants.memory_mib, true});
  ++executing_;
  cpu_cores_in_use_ += wants.cpu_cores;
  memory_mib_in_use_ += wants.memory_mib;
}

void capacity::finish_execution(const std::string& job_id) {
  const auto found = held_.find(job_id);
  if (found != held_.end())
    end_execution(found->second);
}

void capacity::give_back(const std::string& job_id) {
  const auto found = held_.find(job_id);
  if (found == held_.end())
    return;
  end_execution(found->second);
  held_.erase(found);
}

void capacity::end_execution(holding& held) {
  if (!held.executing)
    return;
  held.executing = false;
  --executing_;
  cpu_cores_in_use_ = executing_ == 0 ? 0 : cpu_cores_in_use_ - held.cpu_cores;
  memory_mib_in_use_ -= held.memory_mib;
}

node_load capacity::load() const {
  return {.running = executing_,
          .waiting = 0,
          .concurrency = limits_.executing,
          .cpu_cores_in_use = cpu_cores_in_use_,
          .memory_mib_in_use = memory_mib_in_use_};
}

} // namespace ocw
