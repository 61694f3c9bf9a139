#include "process/sandbox_report.hpp"

#include "launcher/texts.hpp"
#include "messages/log.hpp"
#include "ocw/errors.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>

namespace ocw {

namespace {

struct named_mechanism {
  uint64_t bit;
  std::string_view name;
};

constexpr auto names = std::to_array<named_mechanism>({
  {wire::userns, "userns"},
  {wire::mount, "mount"},
  {wire::pid, "pid"},
  {wire::ipc, "ipc"},
  {wire::uts, "uts"},
  {wire::net, "net"},
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
});

constexpr uint64_t any_cgroup = wire::cgroup_memory | wire::cgroup_cpu
                                | wire::cgroup_pids | wire::cgroup_kill;

constexpr uint64_t everything
  = wire::userns | wire::mount | wire::pid | wire::ipc | wire::uts | wire::net
    | wire::no_inet | wire::landlock | wire::seccomp | wire::no_new_privs
    | wire::own_uid | any_cgroup;

} // namespace

caf::expected<sandbox_report> read_report(std::string_view payload) {
  auto fixed = wire::setup_report{};
  auto result = sandbox_report{};
  if (payload.size() >= sizeof(fixed)) {
    std::memcpy(&fixed, payload.data(), sizeof(fixed));
    result.mechanisms = fixed.in_force;
    result.landlock_abi = fixed.landlock_abi;
    auto texts = launcher::text_reader{payload.substr(sizeof(fixed))};
    if (texts.next(result.control_groups)
        && texts.next(result.why_not, fixed.why_not_count) && texts.at_end())
      return result;
  }
  return make_error(ec::launch_failed,
                    "the launcher's report on isolation makes no sense");
}

launcher::setup_request setup_for(const config& settings,
                                  const std::string& state_dir,
                                  const std::string& spool_dir) {
  auto result = launcher::setup_request{};
  result.fixed.wanted = everything;
  for (const auto& [bit, name] : names)
    if (std::find(settings.isolation.disable.begin(),
                  settings.isolation.disable.end(), name)
        != settings.isolation.disable.end())
      result.fixed.wanted &= ~bit;
  result.fixed.probe_uid = first_job_uid;
  // The same for every run of this node, so that a run finds what the last one
  // left; different for two nodes.
  result.group_name
    = "opencode-worker-"
      + std::to_string(wire::crc32c(state_dir.data(), state_dir.size()));
  auto& root = result.root;
  root.base = state_dir + "/root";
  root.sessions_dir = settings.session.base_dir;
  root.spool_dir = spool_dir;
  // What stands beside the sessions for all of them.
  const auto beside
    = std::filesystem::path{settings.session.base_dir}.parent_path();
  auto failed = std::error_code{};
  for (const auto* name : {"base", "models"})
    if (const auto path = beside / name;
        std::filesystem::is_directory(path, failed))
      root.readonly.push_back(path.string());
  for (const auto& path : settings.session.readonly_mounts)
    root.readonly.push_back(path);
  root.hidden = {state_dir, settings.store.dir, "/etc/opencode-worker"};
  root.workspaces = settings.session.workspace_roots;
  return result;
}

caf::error make_setup_directories(const launcher::setup_request& request) {
  const auto& root = request.root;
  auto failed = std::error_code{};
  std::filesystem::create_directories(root.base, failed);
  if (failed)
    return make_error(ec::unavailable, "cannot make the directory '" + root.base
                                         + "': " + failed.message());
  std::filesystem::create_directories(root.sessions_dir, failed);
  if (failed)
    return make_error(ec::unavailable,
                      "session.base_dir '" + root.sessions_dir
                        + "' cannot be used: " + failed.message(),
                      "session.base_dir");
  return {};
}

caf::error check_found(const config& settings, const sandbox_report& found) {
  const auto tier = tier_of(found.mechanisms);
  const auto minimum = settings.isolation.minimum;
  const auto mounts = (found.mechanisms & wire::mount) != 0
                      || settings.session.readonly_mounts.empty();
  if (tier >= minimum && mounts)
    return {};
  const auto* key
    = tier < minimum ? "isolation.minimum" : "session.readonly_mounts";
  auto text = fmt::format(
    "{} asks for tier {}, but this machine gives tier {}:", key,
    word_of(tier < minimum ? minimum : isolation_tier::name_space),
    word_of(tier));
  for (const auto& line : found.why_not)
    text += "\n  " + line;
  return make_error(ec::isolation_unavailable, std::move(text), key);
}

void log_isolation(const sandbox_report& found) {
  const auto shown = describe_isolation(found.mechanisms, found.control_groups);
  log::info("isolation.found", {}, "tier {}: {}", shown.tier,
            fmt::join(shown.layers, " "));
  for (const auto& line : found.why_not)
    log::info("isolation.missing", {}, "{}", line);
}

isolation_tier tier_of(uint64_t mechanisms) {
  if ((mechanisms & wire::mount) != 0 && (mechanisms & wire::pid) != 0)
    return isolation_tier::name_space;
  return (mechanisms & wire::landlock) != 0 ? isolation_tier::landlock
                                            : isolation_tier::process;
}

uint64_t mechanisms_for(const job_request& request, uint64_t in_force) {
  if (request.config.network == network_access::open)
    in_force &= ~(uint64_t{wire::net} | wire::no_inet);
  return in_force;
}

isolation_report describe_isolation(uint64_t mechanisms,
                                    const std::string& control_groups) {
  auto result = isolation_report{};
  result.tier = std::string{word_of(tier_of(mechanisms))};
  for (const auto& [bit, name] : names)
    if ((mechanisms & bit) != 0)
      result.layers.emplace_back(name);
  if ((mechanisms & any_cgroup) != 0)
    for (const auto* version : {"v1", "v2"})
      if (control_groups.find(version) != std::string::npos)
        result.layers.push_back(std::string{"cgroup-"} + version);
  for (const auto* always :
       {"process_group", "subreaper", "rlimits", "clean_environment"})
    result.layers.emplace_back(always);
  return result;
}

} // namespace ocw
