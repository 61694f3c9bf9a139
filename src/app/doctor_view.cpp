#include "app/doctor.hpp"
#include "app/table.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>

// What `doctor` shows to people.

namespace ocw {

namespace {

std::string shown(mechanism_state state) {
  auto text = std::string{word_of(state)};
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

std::string mechanism_lines(const doctor_report& report, bool colored) {
  auto lines = table{{"MECHANISM", "STATE", "WHAT IT GIVES"}};
  for (const auto& each : report.mechanisms)
    lines.add({each.name, shown(each.state), each.gives});
  for (const auto& name : report.always)
    lines.add({name, "in force", "on every machine"});
  return lines.text(colored);
}

/// Mechanisms that are missing for one reason, and that one thing brings.
struct missing_group {
  std::vector<std::string> names;
  std::string why;
  std::string hint;
};

std::vector<missing_group> grouped(const doctor_report& report) {
  auto result = std::vector<missing_group>{};
  for (const auto& each : report.mechanisms) {
    if (each.state == mechanism_state::in_force)
      continue;
    const auto at
      = std::find_if(result.begin(), result.end(), [&](const auto& group) {
          return group.why == each.why && group.hint == each.hint;
        });
    if (at != result.end())
      at->names.push_back(each.name);
    else
      result.push_back({{each.name}, each.why, each.hint});
  }
  return result;
}

std::string missing_lines(const doctor_report& report) {
  auto text = std::string{};
  for (const auto& group : grouped(report)) {
    text += fmt::format("\n{}\n  why not: {}\n", fmt::join(group.names, ", "),
                        printable(group.why));
    if (!group.hint.empty())
      text += fmt::format("  how to get it: {}\n", printable(group.hint));
  }
  return text;
}

std::string shown(const container_engine& engine) {
  if (engine.path.empty())
    return engine.problem.empty() ? "not found" : engine.problem;
  return fmt::format("{} ({})",
                     engine.version.empty() ? engine.problem : engine.version,
                     engine.path);
}

std::string shown(const directory_check& check) {
  return fmt::format("{}: {}", check.path,
                     check.problem.empty()
                       ? size_text(check.free_bytes) + " free"
                       : check.problem);
}

std::string machine_lines(const doctor_report& report) {
  auto lines = table{{"THIS MACHINE", ""}};
  lines.add({"kernel", report.kernel});
  lines.add({"Landlock", report.landlock_abi == 0
                           ? "none"
                           : fmt::format("ABI {}", report.landlock_abi)});
  lines.add(
    {"control groups",
     fmt::format("{} mounted, {} in use", report.control_groups_mounted,
                 report.control_groups.empty() ? "none"
                                               : report.control_groups)});
  lines.add({"user", report.uid == 0 ? "root" : std::to_string(report.uid)});
  lines.add({"container",
             report.container.empty() ? "none recognized" : report.container});
  for (const auto& engine : report.engines)
    lines.add({engine.name, shown(engine)});
  for (const auto& check : report.directories)
    lines.add({check.setting, shown(check)});
  return lines.text(false);
}

std::string verdict(const doctor_report& report) {
  if (!report.ok)
    return "A node with these settings cannot run jobs here.\n";
  return fmt::format("Jobs run here in tier {}; isolation.minimum is {}.\n",
                     report.tier, report.minimum);
}

} // namespace

std::string render_doctor(const doctor_report& report, bool colored) {
  auto text = verdict(report);
  if (!report.mechanisms.empty())
    text += '\n' + mechanism_lines(report, colored) + missing_lines(report);
  return text + '\n' + machine_lines(report);
}

} // namespace ocw
