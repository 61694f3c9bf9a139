#include "process/local_machine.hpp"

#include <sys/stat.h>

// What holds a job here, and as whom it runs.

namespace ocw {

isolation_report
local_machine::isolation(const job_request& request,
                         const effective_limits& limits) const {
  const auto sandbox = launcher_->sandbox();
  return describe_isolation(mechanisms_for(request, limits, sandbox.mechanisms),
                            sandbox.control_groups);
}

// A workspace is somebody's already: without a mount that maps its owner, the
// job has to be that owner, unless that is root.
session_hold local_machine::hold_of(const session_task& task) {
  const auto in_force = launcher_->sandbox().mechanisms;
  auto hold
    = session_hold{mechanisms_for(*task.request, task.limits, in_force)};
  // Decided when its directory was made; another launcher may have come since.
  hold.mechanisms &= ~uint64_t{wire::disk_tmpfs};
  if (place_of(task.record->session_id).disk)
    hold.mechanisms |= wire::disk_tmpfs;
  if ((hold.mechanisms & wire::own_uid) == 0)
    return hold;
  hold.uid = hold.gid = uids_.of(task.record->session_id);
  struct stat owner {};
  if (const auto& workspace = task.request->workspace;
      workspace && (hold.mechanisms & wire::mount) == 0
      && ::stat(workspace->c_str(), &owner) == 0 && owner.st_uid != 0) {
    hold.uid = owner.st_uid;
    hold.gid = owner.st_gid;
  }
  return hold;
}

std::function<std::shared_ptr<void>(unique_fd)>
local_machine::egress_of(const session_task& task) const {
  if (egress_ == nullptr)
    return {};
  return
    [egress = egress_,
     about = egress_door::about{task.record->job_id, task.record->session_id}](
      unique_fd listener) { return egress->serve(std::move(listener), about); };
}

} // namespace ocw
