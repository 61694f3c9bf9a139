#include "launcher/sandbox.hpp"

#include "launcher/landlock.hpp"
#include "launcher/mechanism_names.hpp"
#include "launcher/outcome.hpp"
#include "launcher/program_view.hpp"
#include "launcher/texts.hpp"
#include "launcher/trial.hpp"

#include <cstring>

// What a launcher can do is found out by doing it: a process goes the whole way
// a job goes, with everything that is wanted. Where it fails, the mechanism at
// that step is given up, with the reason, and the next process tries without.

namespace ocw::launcher {
namespace {

using wire::start_stage;

bool is_below(const std::string& path, const std::string& top) {
  return path.compare(0, top.size(), top) == 0
         && (path.size() == top.size() || path[top.size()] == '/');
}

// What a failure at a step makes impossible.
uint64_t blamed(start_stage stage, uint64_t in_use) {
  // What comes on top of the others goes first.
  const auto may_be_exec_rules = stage == start_stage::mounts
                                 || stage == start_stage::filters
                                 || stage == start_stage::exec;
  if (may_be_exec_rules && (in_use & all_exec_rules) != 0)
    return all_exec_rules;
  switch (stage) {
  case start_stage::network:
    return (in_use & wire::egress_proxy) != 0 ? wire::egress_proxy : wire::net;
  case start_stage::cgroup:
    return all_cgroups;
  case start_stage::disk:
    return wire::disk_tmpfs;
  case start_stage::filters:
    return (in_use & wire::landlock) != 0
             ? uint64_t{wire::landlock}
             : uint64_t{wire::seccomp} | wire::no_new_privs | wire::no_inet;
  case start_stage::identity:
    return (in_use & wire::userns) != 0 ? wire::userns : wire::own_uid;
  case start_stage::directory:
    // Without a root of its own the way to a job's directory may be closed to
    // other users.
    if ((in_use & wire::own_uid) != 0 && (in_use & wire::mount) == 0)
      return wire::own_uid;
    [[fallthrough]];
  default:
    return (in_use & all_namespaces) != 0 ? all_namespaces : in_use;
  }
}

// What is still thought to work, and what of it a job gets.
class candidates {
public:
  candidates(uint64_t wanted, sandbox& result)
    : available_(wanted), result_(result) {}

  void give_up(uint64_t bits, const std::string& reason) {
    for (uint64_t bit = 1; bit <= bits; bit <<= 1)
      if ((available_ & bits & bit) != 0)
        result_.why_not.push_back(std::string{name_of(bit)} + ": " + reason);
    available_ &= ~bits;
  }

  /// Leaves out what cannot go together, or stands in for something better.
  void settle() {
    if (!has(wire::own_uid) && ::geteuid() == 0)
      give_up(all_namespaces,
              "jobs of a launcher that is root need another uid");
    if (::geteuid() != 0)
      available_ &= ~uint64_t{wire::own_uid};
    // One without the other would be a hole, not a layer.
    if (!has(wire::mount | wire::pid))
      give_up(all_namespaces, "needs both mount and pid");
    if (!has(wire::net))
      give_up(wire::egress_proxy, "needs net");
    if (!has(wire::mount))
      give_up(wire::disk_tmpfs, "needs mount");
    settle_exec_rules();
    compile_filters();
    result_.mechanisms = available_;
    if (has(wire::mount))
      result_.mechanisms &= ~uint64_t{wire::landlock};
    if (has(wire::exec_allowlist))
      result_.mechanisms &= ~uint64_t{wire::exec_direct};
    if ((available_ & all_exec_rules) == 0)
      result_.root.programs.clear();
    if (has(wire::net))
      result_.mechanisms &= ~uint64_t{wire::no_inet};
  }

  void find_landlock() {
    result_.landlock_abi = landlock_abi();
    if (result_.landlock_abi == 0)
      give_up(wire::landlock,
              "this kernel has no Landlock (CONFIG_SECURITY_LANDLOCK, lsm=)");
  }

  void find_cgroups(const std::string& name) {
    const auto wanted = available_ & all_cgroups;
    if (wanted != 0)
      result_.cgroups = open_cgroup_tree(name, wanted, result_.why_not);
    available_
      &= ~all_cgroups | (result_.cgroups ? result_.cgroups->mechanisms() : 0);
  }

private:
  bool has(uint64_t bits) const { return (available_ & bits) == bits; }

  // Each of the others closes a way around the rules.
  void settle_exec_rules() {
    if (!has(wire::mount))
      give_up(wire::noexec | wire::exec_allowlist, "needs mount and pid");
    else if (!has(wire::exec_allowlist))
      give_up(wire::exec_direct, "stands in for exec_allowlist without mount");
    if (!has(wire::noexec))
      give_up(wire::exec_allowlist, "needs noexec");
    if (!has(wire::landlock | wire::seccomp | wire::no_new_privs))
      give_up(all_exec_rules, "needs landlock, seccomp and no_new_privs");
  }

  void compile_filters() {
    if (!has(wire::seccomp))
      return give_up(wire::no_inet, "needs seccomp");
    std::string reason;
    const auto no_pidns = !has(wire::pid);
    const auto no_memfd = (available_ & all_exec_rules) != 0;
    result_.filter = compile_seccomp({no_pidns, false, no_memfd}, reason);
    result_.filter_no_inet
      = compile_seccomp({no_pidns, true, no_memfd}, reason);
    if (result_.filter.empty() || result_.filter_no_inet.empty())
      give_up(wire::seccomp | wire::no_inet, reason);
  }

  uint64_t available_;
  sandbox& result_;
};

} // namespace

std::string sandbox::path_here(const std::string& path) const {
  if (!has(wire::mount))
    return path;
  if (is_below(path, root.sessions_dir))
    return hidden_sessions + path.substr(root.sessions_dir.size());
  if (is_below(path, root.spool_dir))
    return hidden_spool + path.substr(root.spool_dir.size());
  return path;
}

std::string sandbox::workspace_here(const std::string& path) const {
  for (size_t i = 0; i < root.workspaces.size(); ++i)
    if (is_below(path, root.workspaces[i]))
      return hidden_workspaces + std::to_string(i)
             + path.substr(root.workspaces[i].size());
  return path;
}

// A root of its own shows no other programs; the machine's does.
std::string sandbox::make_exec_rules() {
  if ((mechanisms & all_exec_rules) == 0)
    return {};
  exec_plan plan;
  plan.programs = root.programs;
  if (!has(wire::mount))
    plan.unread = program_directories();
  outcome made;
  exec_rules = launcher::make_exec_rules(plan);
  made.check(static_cast<bool>(exec_rules), "make rules for programs");
  return made.text();
}

std::string set_up(const setup_request& request, sandbox& result) {
  result.root = request.root;
  candidates left{request.fixed.wanted, result};
  left.find_landlock();
  left.find_cgroups(request.group_name);
  left.settle();
  {
    const trial_directories directories{request};
    while (result.mechanisms != 0) {
      const auto trial = hold_trial(request, result);
      if (trial.error == 0)
        break;
      auto reason = std::string{
        trial.text[0] != 0 ? trial.text : std::strerror(trial.error)};
      if (trial.stage == start_stage::directory)
        reason.insert(0, "a job cannot enter a directory below "
                           + request.root.sessions_dir + ": ");
      left.give_up(blamed(trial.stage, result.mechanisms), reason);
      left.settle();
    }
  }
  std::string failed;
  if (result.has(wire::mount)) {
    failed = gain_namespace_rights();
    if (failed.empty())
      failed = enter_private_root(result.root);
  }
  return failed.empty() ? result.make_exec_rules() : failed;
}

std::string encode_report(const sandbox& found) {
  wire::setup_report report;
  report.in_force = found.mechanisms;
  report.landlock_abi = static_cast<uint32_t>(found.landlock_abi);
  report.why_not_count = static_cast<uint32_t>(found.why_not.size());
  auto payload = std::string{bytes_of(report)};
  put_text(payload, found.cgroups ? found.cgroups->describe() : std::string{});
  put_texts(payload, found.why_not);
  return payload;
}

} // namespace ocw::launcher
