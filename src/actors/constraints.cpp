#include "actors/constraints.hpp"

#include <spdlog/fmt/fmt.h>

namespace ocw {

std::string unmet_constraint(const job_request& request,
                             const worker_info& worker) {
  for (const auto& [name, wanted] : request.constraints) {
    const auto found = worker.labels.find(name);
    if (found == worker.labels.end())
      return fmt::format("the job wants a worker with {}={}; worker {} has no "
                         "such label",
                         name, wanted, worker.worker_id);
    if (found->second != wanted)
      return fmt::format("the job wants a worker with {}={}; worker {} has {}",
                         name, wanted, worker.worker_id, found->second);
  }
  return {};
}

} // namespace ocw
