#include "process/mechanism_hints.hpp"

#include "launcher/mechanism_names.hpp"
#include "process/sandbox_report.hpp"

namespace ocw {

namespace {

// The launcher's reasons are its own words ("needs both …") or what the kernel
// said, as strerror(3) puts it.
bool says(std::string_view why, std::string_view part) {
  return why.find(part) != std::string_view::npos;
}

bool kernel_lacks_it(std::string_view why) {
  return says(why, "Function not implemented") || says(why, "Invalid argument");
}

bool is_in_container(const machine_facts& facts) {
  return !facts.container.empty() || facts.is_filtered;
}

// A job has another user than the node.
constexpr auto open_the_way
  = "let others pass (chmod o+x) through every directory above "
    "session.base_dir, or set one where they can";

// -- namespaces ---------------------------------------------------------------

// Privileges or user namespaces: one of the two is in the way.
std::string unprivileged_hint(const machine_facts& facts) {
  if (facts.unprivileged_userns_clone == 0)
    return "sysctl -w kernel.unprivileged_userns_clone=1, or run the node as "
           "root";
  if (facts.apparmor_restricts_userns.value_or(0) > 0)
    return "an AppArmor profile with the rule 'userns,' for "
           "opencode-worker-launcher, or sysctl -w "
           "kernel.apparmor_restrict_unprivileged_userns=0";
  if (is_in_container(facts))
    return "start the container with --security-opt seccomp=unconfined "
           "--security-opt apparmor=unconfined --security-opt "
           "systempaths=unconfined, or give it CAP_SYS_ADMIN";
  return "allow user namespaces to this user, or run the node as root";
}

// Root of a user namespace that has only some ids, as in a rootless container.
std::string mapping_hint() {
  return "map the user ids from " + std::to_string(first_job_uid)
         + " on into this user namespace (subuid(5)), or do not run the node "
           "as its root";
}

std::string namespace_hint(std::string_view why, const machine_facts& facts) {
  if (says(why, "needs both mount and pid"))
    return "it comes with mount and pid";
  if (says(why, "need another uid"))
    return "it comes with own_uid";
  if (why.starts_with('/') && says(why, "No such file or directory"))
    return "make that directory, or take it out of session.readonly_mounts or "
           "session.workspace_roots";
  if (says(why, "cannot enter"))
    return open_the_way;
  if (says(why, "mount_setattr") && kernel_lacks_it(why))
    return "a kernel of 5.12 or newer";
  if (facts.uid == 0 && !facts.maps_job_uids)
    return mapping_hint();
  if (facts.max_user_namespaces == 0 || says(why, "No space left on device"))
    return "sysctl -w user.max_user_namespaces=15000";
  if (kernel_lacks_it(why))
    return "a kernel with CONFIG_USER_NS, CONFIG_PID_NS, CONFIG_NET_NS, "
           "CONFIG_IPC_NS and CONFIG_UTS_NS";
  if (!facts.can_administer)
    return unprivileged_hint(facts);
  return is_in_container(facts)
           ? "start the container with --security-opt seccomp=unconfined "
             "--security-opt apparmor=unconfined"
           : "find out which security module (AppArmor, SELinux) refuses it "
             "to opencode-worker-launcher: the kernel's log names it";
}

// -- control groups -----------------------------------------------------------

std::string cgroup_hint(uint64_t bit, const machine_facts& facts) {
  if (!facts.cgroup_v1 && !facts.cgroup_v2)
    return is_in_container(facts)
             ? "start the container with -v /sys/fs/cgroup:/sys/fs/cgroup:rw"
             : "mount -t cgroup2 none /sys/fs/cgroup";
  if (facts.cgroups_readonly)
    return is_in_container(facts)
             ? "start the container with --cgroupns=private and "
               "-v /sys/fs/cgroup:/sys/fs/cgroup:rw, or --privileged"
             : "mount -o remount,rw /sys/fs/cgroup";
  if (bit == wire::cgroup_kill && facts.cgroup_v2 && facts.uid == 0)
    return "a kernel of 5.14 or newer";
  if (!facts.cgroup_v1)
    return facts.uid == 0
             ? "Delegate=yes in the node's systemd unit"
             : "Delegate=yes in the node's systemd unit, or start it by "
               "systemd-run --user --scope -p Delegate=yes";
  return facts.uid == 0
           ? "mount the controllers cpu, memory, pids and freezer, or start "
             "the machine with systemd.unified_cgroup_hierarchy=1"
           : "run the node as root (groups of version 1 are root's to make), "
             "or start the machine with systemd.unified_cgroup_hierarchy=1 "
             "and the node with Delegate=yes";
}

// -- the others ---------------------------------------------------------------

std::string own_uid_hint(std::string_view why, const machine_facts& facts) {
  if (facts.uid != 0)
    return "run the node as root; as another user every job is that user";
  if (says(why, "cannot enter"))
    return open_the_way;
  if (!facts.maps_job_uids)
    return mapping_hint();
  return std::string{"give the "}
         + (is_in_container(facts) ? "container" : "node")
         + " CAP_SETUID, CAP_SETGID and CAP_SETPCAP";
}

std::string disk_hint(std::string_view why, const machine_facts& facts) {
  if (says(why, "needs mount"))
    return "it comes with mount";
  if (is_in_container(facts) && !kernel_lacks_it(why))
    return "start the container with --security-opt seccomp=unconfined";
  return "a kernel of 5.2 or newer with CONFIG_TMPFS=y";
}

std::string filter_hint(const machine_facts& facts) {
  return is_in_container(facts)
           ? "start the container with --security-opt seccomp=unconfined; "
             "else a kernel with CONFIG_SECCOMP_FILTER=y"
           : "a kernel with CONFIG_SECCOMP_FILTER=y";
}

std::string landlock_hint(const machine_facts& facts) {
  const auto kernel
    = std::string{"a kernel of 5.13 or newer with CONFIG_SECURITY_LANDLOCK=y, "
                  "and landlock among the boot parameter lsm="};
  return is_in_container(facts)
           ? kernel + "; in a container also a seccomp profile that lets it by"
           : kernel;
}

std::string exec_hint(std::string_view why) {
  if (says(why, "needs noexec"))
    return "it comes with noexec";
  if (says(why, "needs landlock"))
    return "it comes with landlock (or a kernel that has it), seccomp and "
           "no_new_privs";
  if (says(why, "needs mount and pid"))
    return "it comes with mount and pid";
  if (says(why, "stands in"))
    return "get exec_allowlist, which holds more";
  return "find out which step the kernel refuses: the reason names it";
}

} // namespace

std::string hint_for(uint64_t bit, std::string_view why,
                     const machine_facts& facts) {
  if ((bit & launcher::all_namespaces) != 0)
    return namespace_hint(why, facts);
  if ((bit & launcher::all_cgroups) != 0)
    return cgroup_hint(bit, facts);
  switch (bit) {
  case wire::egress_proxy:
    return "it comes with net";
  case wire::own_uid:
    return own_uid_hint(why, facts);
  case wire::landlock:
    return landlock_hint(facts);
  case wire::disk_tmpfs:
    return disk_hint(why, facts);
  case wire::noexec:
  case wire::exec_allowlist:
  case wire::exec_direct:
    return exec_hint(why);
  case wire::no_inet:
    if (says(why, "needs seccomp"))
      return "it comes with seccomp";
    [[fallthrough]];
  case wire::seccomp:
  case wire::no_new_privs:
    return filter_hint(facts);
  default:
    return {};
  }
}

} // namespace ocw
