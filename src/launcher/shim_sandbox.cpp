#include "launcher/identity.hpp"
#include "launcher/landlock.hpp"
#include "launcher/mechanism_names.hpp"
#include "launcher/network.hpp"
#include "launcher/sandbox.hpp"
#include "launcher/workspace_mount.hpp"

#include <cerrno>

namespace ocw::launcher {
namespace {

constexpr uint64_t any_cgroup = wire::cgroup_memory | wire::cgroup_cpu
                                | wire::cgroup_pids | wire::cgroup_kill;

std::string map_of(uint32_t outside) {
  return std::to_string(inside_id) + " " + std::to_string(outside) + " 1";
}

listening listening_of(uint64_t mechanisms) {
  return (mechanisms & wire::egress_proxy) != 0 ? listening::yes
                                                : listening::no;
}

} // namespace

shim_sandbox::shim_sandbox(const sandbox& shared) : shared_(shared) {
  const auto& readonly = shared.root.readonly;
  in_tmp_sources_.reserve(readonly.size()); // pointed into
  for (size_t i = 0; i < readonly.size(); ++i)
    if (is_in_tmp(readonly[i])) {
      in_tmp_sources_.push_back(hidden_readonly + std::to_string(i));
      in_tmp_.push_back({in_tmp_sources_.back().c_str(), readonly[i].c_str()});
    }
}

void shim_sandbox::restock(uint64_t mechanisms) {
  if ((mechanisms & wire::net) != 0 && !next_network_.space)
    next_network_ = make_network(listening_of(mechanisms));
}

wire::start_failure shim_sandbox::equip(const job_request& request,
                                        child_plan& plan, int disk) {
  const auto wanted = request.spec.mechanisms;
  in_groups_ = false;
  network_ = {};
  landlock_.reset();
  if (!shared_.has(wanted))
    return {wire::start_stage::decode, EOPNOTSUPP};
  plan.mechanisms = wanted;
  if ((wanted & wire::disk_tmpfs) != 0)
    plan.mounts.disk = disk;
  const auto own = (wanted & wire::own_uid) != 0;
  plan.uid = own ? request.spec.uid : ::geteuid();
  plan.gid = own ? request.spec.gid : ::getegid();
  uid_map_ = map_of(plan.uid);
  gid_map_ = map_of(plan.gid);
  plan.uid_map = uid_map_.c_str();
  plan.gid_map = gid_map_.c_str();
  if ((wanted & wire::mount) != 0 && !equip_mounts(request, plan))
    return {wire::start_stage::mounts, errno};
  if ((wanted & wire::seccomp) != 0) {
    const auto& program
      = (wanted & wire::no_inet) != 0 ? shared_.filter_no_inet : shared_.filter;
    filter_.len = static_cast<unsigned short>(program.size());
    filter_.filter = const_cast<sock_filter*>(program.data()); // never written
    plan.seccomp = &filter_;
  }
  if ((wanted & any_cgroup) != 0 && !equip_groups(request, plan))
    return {wire::start_stage::cgroup, errno};
  if ((wanted & wire::net) != 0 && !equip_network(plan, listening_of(wanted)))
    return {wire::start_stage::network, errno};
  if ((wanted & wire::landlock) != 0 && !equip_landlock(request, plan))
    return {wire::start_stage::filters, errno};
  if ((wanted & all_exec_rules) != 0)
    plan.exec_rules = shared_.exec_rules.get();
  return {wire::start_stage::decode, 0};
}

bool shim_sandbox::equip_groups(const job_request& request, child_plan& plan) {
  // What a job wrote to its disk is charged to its groups for as long as the
  // disk is there, and the node has not collected from it yet.
  if (std::exchange(had_disk_, plan.mounts.disk >= 0))
    groups_.reset();
  if (!groups_)
    groups_ = shared_.cgroups->make(static_cast<uint64_t>(::getpid()));
  if (!groups_)
    return false;
  const auto& spec = request.spec;
  const auto wants
    = [&spec](uint64_t bit) { return (spec.mechanisms & bit) != 0; };
  const auto limits
    = cgroup_limits{wants(wire::cgroup_memory) ? spec.memory_bytes : 0,
                    wants(wire::cgroup_cpu) ? spec.cpu_millicores : 0,
                    wants(wire::cgroup_pids) ? spec.pids : 0};
  if (const auto error = groups_->prepare(limits); error != 0) {
    errno = error;
    return false;
  }
  in_groups_ = true;
  plan.cgroup_entries = groups_->entries().data();
  plan.cgroup_entry_count = groups_->entries().size();
  return true;
}

// What was made ahead serves if it has, or has not, what listens as wanted.
bool shim_sandbox::equip_network(child_plan& plan, listening wanted) {
  const auto has_listener = static_cast<bool>(next_network_.listener);
  if (has_listener != (wanted == listening::yes))
    next_network_ = {};
  network_
    = next_network_.space ? std::move(next_network_) : make_network(wanted);
  plan.network = network_.space.get();
  return static_cast<bool>(network_.space);
}

// The tree that a job sees without a root of its own is the machine's.
bool shim_sandbox::equip_landlock(const job_request& request,
                                  child_plan& plan) {
  landlock_plan rules;
  rules.readable = {"/usr",   "/bin", "/sbin", "/lib",  "/lib32",
                    "/lib64", "/etc", "/opt",  "/proc", "/libx32"};
  for (const auto& path : shared_.root.readonly)
    rules.readable.push_back(path);
  rules.writable = {request.session_dir, "/dev/null",   "/dev/zero",
                    "/dev/full",         "/dev/random", "/dev/urandom",
                    "/dev/tty",          "/dev/pts",    "/dev/ptmx"};
  if (!request.workspace.empty())
    rules.writable.push_back(request.workspace);
  rules.no_network = (request.spec.mechanisms & wire::no_inet) != 0;
  landlock_ = make_landlock(rules);
  plan.landlock = landlock_.get();
  return static_cast<bool>(landlock_);
}

bool shim_sandbox::equip_mounts(const job_request& request, child_plan& child) {
  auto& plan = child.mounts;
  session_source_
    = plan.disk >= 0 ? hidden_disk : shared_.path_here(request.session_dir);
  temporary_ = session_source_ + "/tmp";
  workspace_ = request.workspace.empty()
                 ? std::string{}
                 : shared_.workspace_here(request.workspace);
  tmpfs_options_ = "size=64k,nr_inodes=16,mode=755";
  plan.sessions_dir = shared_.root.sessions_dir.c_str();
  plan.session_source = session_source_.c_str();
  plan.session_dir = request.session_dir.c_str();
  plan.temporary_source = temporary_.c_str();
  plan.work_dir = request.work_dir.c_str();
  plan.workspace_source = workspace_.empty() ? nullptr : workspace_.c_str();
  plan.tmpfs_options = tmpfs_options_.c_str();
  plan.in_tmp = in_tmp_.data();
  plan.in_tmp_count = in_tmp_.size();
  plan.noexec = (request.spec.mechanisms & wire::noexec) != 0;
  workspace_mount_.reset();
  if (workspace_.empty() || (request.spec.mechanisms & wire::own_uid) == 0)
    return true;
  // The directory's owner is somebody else, often root.
  workspace_mount_ = make_workspace_mount(workspace_, child.uid, child.gid);
  plan.workspace_mount = workspace_mount_.get();
  return static_cast<bool>(workspace_mount_);
}

} // namespace ocw::launcher
