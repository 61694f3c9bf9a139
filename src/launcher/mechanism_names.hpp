#pragma once

#include "launcher/wire.hpp"

#include <array>
#include <string_view>

namespace ocw::launcher {

struct named_mechanism {
  uint64_t bit;
  std::string_view name;
};

/// Every mechanism, as results, `require` and `isolation.disable` name it, in
/// the order in which they are listed.
inline constexpr auto mechanism_names = std::to_array<named_mechanism>({
  {wire::userns, "userns"},
  {wire::mount, "mount"},
  {wire::pid, "pid"},
  {wire::ipc, "ipc"},
  {wire::uts, "uts"},
  {wire::net, "net"},
  {wire::egress_proxy, "egress_proxy"},
  {wire::no_inet, "no_inet"},
  {wire::landlock, "landlock"},
  {wire::seccomp, "seccomp"},
  {wire::no_new_privs, "no_new_privs"},
  {wire::own_uid, "own_uid"},
  {wire::cgroup_memory, "cgroup_memory"},
  {wire::cgroup_cpu, "cgroup_cpu"},
  {wire::cgroup_pids, "cgroup_pids"},
  {wire::cgroup_kill, "cgroup_kill"},
  {wire::disk_tmpfs, "disk_tmpfs"},
  {wire::noexec, "noexec"},
  {wire::exec_allowlist, "exec_allowlist"},
  {wire::exec_direct, "exec_direct"},
});

/// The name of one mechanism; empty for a bit that is none.
constexpr std::string_view name_of(uint64_t bit) {
  for (const auto& each : mechanism_names)
    if (each.bit == bit)
      return each.name;
  return {};
}

inline constexpr uint64_t all_namespaces
  = wire::userns | wire::mount | wire::pid | wire::ipc | wire::uts | wire::net;
inline constexpr uint64_t all_cgroups = wire::cgroup_memory | wire::cgroup_cpu
                                        | wire::cgroup_pids | wire::cgroup_kill;

inline constexpr uint64_t all_exec_rules
  = wire::exec_allowlist | wire::exec_direct;

} // namespace ocw::launcher
