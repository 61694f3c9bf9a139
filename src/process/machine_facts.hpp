#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace ocw {

/// What of this machine, and of this process, decides which mechanisms work.
struct machine_facts {
  std::string kernel;          ///< release, as uname(2) says
  uint32_t uid = 0;            ///< whom this process runs as
  bool can_administer = false; ///< has CAP_SYS_ADMIN
  bool is_filtered = false;    ///< is under a seccomp filter of somebody else
  bool maps_job_uids = true;   ///< this user namespace has the ids of jobs
  std::string container; ///< "docker", "podman", …; empty: none is recognized

  // Sysctls; absent where the kernel has none of that name.
  std::optional<int64_t> unprivileged_userns_clone; ///< kernel., Debian's
  std::optional<int64_t> max_user_namespaces;       ///< user.
  std::optional<int64_t> apparmor_restricts_userns; ///< kernel.

  bool cgroup_v1 = false; ///< mounted, with a controller of resources
  bool cgroup_v2 = false; ///< mounted
  bool cgroups_readonly = false;
};

/// Looks at the machine. Files are looked for below `root`, which is empty but
/// in tests.
machine_facts facts_of_machine(const std::string& root = {});

/// "v1", "v2", "v1 and v2", or "none": which control groups are mounted.
std::string cgroup_versions(const machine_facts& facts);

} // namespace ocw
