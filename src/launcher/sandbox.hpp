#pragma once

#include "launcher/cgroup.hpp"
#include "launcher/child.hpp"
#include "launcher/network.hpp"
#include "launcher/private_root.hpp"
#include "launcher/seccomp.hpp"
#include "launcher/setup.hpp"
#include "launcher/spec.hpp"

#include <memory>
#include <string>
#include <vector>

namespace ocw::launcher {

/// What holds the jobs of one launcher. Made once, by trying; shims inherit it.
struct sandbox {
  uint64_t mechanisms = 0; ///< bits of wire::mechanism that work
  int landlock_abi = 0;
  root_plan root;
  std::unique_ptr<cgroup_tree> cgroups;
  seccomp_program filter;         ///< for jobs with the net they are given
  seccomp_program filter_no_inet; ///< for jobs with wire::no_inet
  unique_fd exec_rules;           ///< a ruleset, for all_exec_rules
  std::vector<std::string> why_not;

  bool has(uint64_t bits) const { return (mechanisms & bits) == bits; }

  /// Where a path of the machine is for this process.
  std::string path_here(const std::string& path) const;
  std::string workspace_here(const std::string& path) const;

  /// Makes `exec_rules` for the root this process is in, if any are to be.
  /// Returns an empty text, or what failed.
  std::string make_exec_rules();
};

/// Finds out what works, by running a process with it, and moves this process
/// into the root its shims will start from. An error text means that this
/// process is of no more use.
std::string set_up(const setup_request& request, sandbox& result);

/// `set_up_done` for what was found.
std::string encode_report(const sandbox& found);

/// What one shim has ready for its next job.
class shim_sandbox {
public:
  explicit shim_sandbox(const sandbox& shared);

  /// Makes the network namespace of the next job. For when nothing waits.
  void restock(uint64_t mechanisms);

  /// Completes a plan for a job; its texts live in this object until the next
  /// call. `disk` holds the session's directory, with wire::disk_tmpfs. Returns
  /// 0 or the stage and errno that failed.
  wire::start_failure equip(const job_request& request, child_plan& plan,
                            int disk);

  /// The socket that listens in the network of a job that has just been
  /// equipped with `egress_proxy`. The caller's to hand over, and to close
  /// before the job starts.
  unique_fd take_listener() { return std::move(network_.listener); }

  /// The groups of the job that runs; null without cgroups.
  job_cgroup* groups() const { return in_groups_ ? groups_.get() : nullptr; }

  const sandbox& shared() const { return shared_; }

private:
  bool equip_groups(const job_request& request, child_plan& plan);
  bool equip_network(child_plan& plan, listening wanted);
  bool equip_landlock(const job_request& request, child_plan& plan);
  bool equip_mounts(const job_request& request, child_plan& plan);

  const sandbox& shared_;
  std::unique_ptr<job_cgroup> groups_;
  bool in_groups_ = false;
  bool had_disk_ = false; ///< the last job
  job_network next_network_;
  job_network network_;
  unique_fd landlock_;
  unique_fd workspace_mount_;
  sock_fprog filter_{};
  std::string uid_map_, gid_map_;
  std::vector<std::string> in_tmp_sources_;
  std::vector<shown_place> in_tmp_;
  std::string session_source_, temporary_, workspace_, tmpfs_options_;
};

} // namespace ocw::launcher
