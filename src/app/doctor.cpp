#include "app/doctor.hpp"

#include "app/console.hpp"
#include "app/exit_codes.hpp"
#include "messages/json_writer.hpp"
#include "ocw/errors.hpp"
#include "process/isolation_probe.hpp"
#include "process/mechanism_table.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace ocw {

namespace fs = std::filesystem;

namespace {

/// The directory itself, or what it would be made in.
fs::path nearest_existing(fs::path path) {
  auto ignored = std::error_code{};
  while (!fs::exists(path, ignored) && path.has_relative_path())
    path = path.parent_path();
  return path;
}

directory_check check_directory(std::string setting, const std::string& path) {
  auto result = directory_check{std::move(setting), path, 0, {}};
  auto failed = std::error_code{};
  const auto there = nearest_existing(fs::absolute(path, failed));
  const auto room = fs::space(there, failed);
  result.free_bytes = failed ? 0 : room.available;
  if (!fs::is_directory(there, failed))
    result.problem = "'" + there.string() + "' is not a directory";
  else if (::access(there.c_str(), W_OK | X_OK) != 0)
    result.problem
      = "'" + there.string() + "' cannot be written: " + std::strerror(errno);
  else if (result.free_bytes == 0)
    result.problem = "the disk is full";
  return result;
}

void look_at_isolation(const config& settings, const machine_facts& facts,
                       doctor_report& report) {
  const auto found = probe_isolation(settings);
  if (!found) {
    report.problems.push_back(
      {field_of(found.error()), sentence_of(found.error())});
    return;
  }
  report.tier = word_of(tier_of(found->mechanisms));
  report.mechanisms = findings_of(*found, settings.isolation, facts);
  report.control_groups = found->control_groups;
  report.landlock_abi = found->landlock_abi;
  if (const auto problem = unenforced_policy(settings, *found))
    report.problems.push_back({field_of(problem), sentence_of(problem)});
  for (const auto& problem : shortfalls_of(settings, *found))
    report.problems.push_back({field_of(problem), sentence_of(problem)});
}

} // namespace

doctor_report examine(const config& settings) {
  auto report = doctor_report{};
  const auto facts = facts_of_machine();
  report.minimum = word_of(settings.isolation.minimum);
  report.kernel = facts.kernel;
  report.uid = facts.uid;
  report.container = facts.container;
  report.control_groups_mounted = cgroup_versions(facts);
  for (const auto& each : constant_mechanisms())
    report.always.emplace_back(each.name);
  look_at_isolation(settings, facts, report);
  report.directories
    = {check_directory("session.base_dir", settings.session.base_dir),
       check_directory("store.dir", settings.store.dir),
       check_directory("state_dir", settings.state_dir)};
  for (const auto& each : report.directories)
    if (!each.problem.empty())
      report.problems.push_back(
        {each.setting, each.setting + " '" + each.path
                         + "' cannot be used: " + each.problem});
  report.engines = find_container_engines();
  report.ok = report.problems.empty();
  return report;
}

int run_doctor(const config& settings, bool json) {
  const auto report = examine(settings);
  auto text = std::string{};
  if (json) {
    write_json(text, report);
    text += '\n';
  } else {
    text = render_doctor(report, may_color());
  }
  if (const auto lost = print(text); lost != exit_ok)
    return lost;
  for (const auto& problem : report.problems)
    complain(problem.message);
  return report.ok ? exit_ok : exit_failed;
}

} // namespace ocw
