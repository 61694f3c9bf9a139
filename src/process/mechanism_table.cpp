#include "process/mechanism_table.hpp"

#include <array>

namespace ocw {

namespace {

constexpr mechanism_text text(uint64_t bit, std::string_view gives) {
  return {bit, launcher::name_of(bit), gives};
}

constexpr auto known = std::to_array<mechanism_text>({
  text(wire::userns, "a job has no rights over the machine, whatever id it "
                     "sees itself as"),
  text(wire::mount, "a root of its own: the system read-only, its own "
                    "directories, nothing else"),
  text(wire::pid, "it sees and reaches only its own processes, and all of "
                  "them die with it"),
  text(wire::ipc, "no shared memory, semaphores or message queues of others"),
  text(wire::uts, "a host name of its own to change"),
  text(wire::net, "a network of its own, loopback only, unless it is open"),
  text(wire::egress_proxy, "what isolation.network_allow lists is reached "
                           "through a proxy, nothing else"),
  text(wire::no_inet, "no Internet sockets, where there is no network of its "
                      "own"),
  text(wire::landlock, "reads the system, writes its own directories only, "
                       "where it has no root of its own"),
  text(wire::seccomp, "no system calls that change or look into the machine"),
  text(wire::no_new_privs, "no program it starts gains rights, set-uid or not"),
  text(wire::own_uid, "a kernel user id of its own, never that of the node or "
                      "of another job"),
  text(wire::cgroup_memory, "limits.memory holds for the whole tree, in the "
                            "kernel"),
  text(wire::cgroup_cpu, "limits.cpu holds for the whole tree"),
  text(wire::cgroup_pids, "limits.pids holds for the whole tree"),
  text(wire::cgroup_kill, "the whole tree is found and killed, however it "
                          "forks"),
  text(wire::disk_tmpfs, "limits.disk holds for all that it writes, to the "
                         "byte"),
  text(wire::noexec, "nothing that a job can write can be executed or loaded"),
  text(wire::exec_allowlist, "only listed programs are there, and can be "
                             "executed"),
  text(wire::exec_direct, "only listed programs can be executed directly, "
                          "where they are not the only ones there"),
});

constexpr auto constant = std::to_array<mechanism_text>({
  {0, "process_group",
   "a session and process group of its own; stops reach "
   "all of it"},
  {0, "subreaper",
   "what it starts, detached or not, is found and killed at "
   "its end"},
  {0, "rlimits",
   "no core files; a bound on one file where limits.disk is polled"},
  {0, "clean_environment",
   "nothing of the node's environment, no open file "
   "of the node"},
});

constexpr bool all_have_names() {
  for (const auto& each : known)
    if (each.name.empty())
      return false;
  return true;
}
static_assert(all_have_names());

} // namespace

std::span<const mechanism_text> known_mechanisms() {
  return known;
}

std::span<const mechanism_text> constant_mechanisms() {
  return constant;
}

uint64_t wanted_mechanisms() {
  auto result = uint64_t{0};
  for (const auto& each : known)
    result |= each.bit;
  return result;
}

} // namespace ocw
