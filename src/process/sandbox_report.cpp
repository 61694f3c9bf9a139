#include "process/sandbox_report.hpp"

#include "launcher/texts.hpp"
#include "messages/log.hpp"
#include "ocw/errors.hpp"
#include "process/mechanism_table.hpp"
#include "process/program_list.hpp"
#include "process/session_disk.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>

namespace ocw {

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
  result.fixed.wanted = wanted_mechanisms();
  for (const auto& [bit, name] : launcher::mechanism_names)
    if (std::find(settings.isolation.disable.begin(),
                  settings.isolation.disable.end(), name)
        != settings.isolation.disable.end())
      result.fixed.wanted &= ~bit;
  if (settings.isolation.network_allow.empty())
    result.fixed.wanted &= ~uint64_t{wire::egress_proxy};
  if (settings.security.policy == exec_policy::any)
    result.fixed.wanted &= ~(launcher::all_exec_rules | wire::noexec);
  else
    result.root.programs = programs_named(settings.security.command_allowlist);
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
  for (const auto& path : root.workspaces)
    if (!std::filesystem::is_directory(path, failed))
      return make_error(ec::unavailable,
                        "session.workspace_roots: '" + path
                          + "' is no directory; make it, or take it out",
                        "session.workspace_roots");
  return {};
}

std::vector<caf::error> shortfalls_of(const config& settings,
                                      const sandbox_report& found) {
  const auto tier = tier_of(found.mechanisms);
  auto result = std::vector<caf::error>{};
  const auto add = [&](const char* key, isolation_tier wanted) {
    result.push_back(make_error(
      ec::isolation_unavailable,
      fmt::format("{} asks for tier {}, but this machine gives tier {}", key,
                  word_of(wanted), word_of(tier)),
      key));
  };
  if (tier < settings.isolation.minimum)
    add("isolation.minimum", settings.isolation.minimum);
  if ((found.mechanisms & wire::mount) == 0
      && !settings.session.readonly_mounts.empty())
    add("session.readonly_mounts", isolation_tier::name_space);
  return result;
}

caf::error unenforced_policy(const config& settings,
                             const sandbox_report& found) {
  const auto policy = settings.security.policy;
  const auto enough = policy == exec_policy::allowlist_direct
                        ? launcher::all_exec_rules
                        : uint64_t{wire::exec_allowlist};
  if (policy == exec_policy::any || (found.mechanisms & enough) != 0)
    return {};
  return make_error(
    ec::isolation_unavailable,
    fmt::format("security.exec_policy is {}, which cannot be enforced on this "
                "machine: every job would be refused",
                word_of(policy)),
    "security.exec_policy");
}

caf::error check_found(const config& settings, const sandbox_report& found) {
  const auto missing = shortfalls_of(settings, found);
  if (missing.empty())
    return {};
  auto text = sentence_of(missing.front()) + ":";
  for (const auto& line : found.why_not)
    text += "\n  " + line;
  return make_error(ec::isolation_unavailable, std::move(text),
                    field_of(missing.front()));
}

namespace {

std::string_view why_no_proxy(const sandbox_report& found) {
  constexpr auto mark = std::string_view{"egress_proxy: "};
  for (const auto& line : found.why_not)
    if (line.starts_with(mark))
      return std::string_view{line}.substr(mark.size());
  return "isolation.disable names it";
}

} // namespace

void log_isolation(const config& settings, const sandbox_report& found) {
  const auto shown = describe_isolation(found.mechanisms, found.control_groups);
  log::info("isolation.found", {}, "tier {}: {}", shown.tier,
            fmt::join(shown.layers, " "));
  for (const auto& line : found.why_not)
    log::warn("isolation.missing", {}, "{}", line);
  if (!settings.isolation.network_allow.empty()
      && (found.mechanisms & wire::egress_proxy) == 0)
    log::warn("egress.off", {},
              "isolation.network_allow is set, but of no effect: no job gets "
              "a proxy ({})",
              why_no_proxy(found));
}

isolation_tier tier_of(uint64_t mechanisms) {
  if ((mechanisms & wire::mount) != 0 && (mechanisms & wire::pid) != 0)
    return isolation_tier::name_space;
  return (mechanisms & wire::landlock) != 0 ? isolation_tier::landlock
                                            : isolation_tier::process;
}

uint64_t mechanisms_for(const job_request& request,
                        const effective_limits& limits, uint64_t in_force) {
  if (request.config.network == network_access::open)
    in_force &= ~(uint64_t{wire::net} | wire::no_inet | wire::egress_proxy);
  if (limits.disk_bytes == 0 || !fits_in_memory(limits))
    in_force &= ~uint64_t{wire::disk_tmpfs};
  return in_force;
}

isolation_report describe_isolation(uint64_t mechanisms,
                                    const std::string& control_groups) {
  auto result = isolation_report{};
  result.tier = std::string{word_of(tier_of(mechanisms))};
  for (const auto& [bit, name] : launcher::mechanism_names)
    if ((mechanisms & bit) != 0)
      result.layers.emplace_back(name);
  if ((mechanisms & launcher::all_cgroups) != 0)
    for (const auto* version : {"v1", "v2"})
      if (control_groups.find(version) != std::string::npos)
        result.layers.push_back(std::string{"cgroup-"} + version);
  for (const auto& always : constant_mechanisms())
    result.layers.emplace_back(always.name);
  return result;
}

} // namespace ocw
