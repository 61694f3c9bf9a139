#include "process/isolation_findings.hpp"

#include "process/mechanism_hints.hpp"
#include "process/mechanism_table.hpp"

#include <algorithm>

namespace ocw {

namespace {

/// The reason in the launcher's line of this mechanism; empty without one.
std::string reason_of(const sandbox_report& found, std::string_view name) {
  for (const auto& line : found.why_not)
    if (line.starts_with(name) && line.substr(name.size()).starts_with(": "))
      return line.substr(name.size() + 2);
  return {};
}

/// What stands in for a mechanism; empty when nothing does.
std::string_view better_one(uint64_t bit, uint64_t in_force) {
  if (bit == wire::landlock && (in_force & wire::mount) != 0)
    return "mount holds more";
  if (bit == wire::no_inet && (in_force & wire::net) != 0)
    return "net holds more";
  if (bit == wire::exec_direct && (in_force & wire::exec_allowlist) != 0)
    return "exec_allowlist holds more";
  return {};
}

mechanism_finding finding_of(const mechanism_text& text,
                             const sandbox_report& found,
                             const isolation_config& settings,
                             const machine_facts& facts) {
  auto result = mechanism_finding{std::string{text.name},
                                  mechanism_state::in_force,
                                  std::string{text.gives},
                                  {},
                                  {}};
  if ((found.mechanisms & text.bit) != 0)
    return result;
  const auto& off = settings.disable;
  if (std::find(off.begin(), off.end(), text.name) != off.end()) {
    result.state = mechanism_state::off;
    result.why = "isolation.disable names it";
    return result;
  }
  if (text.bit == wire::egress_proxy && settings.network_allow.empty()) {
    result.state = mechanism_state::off;
    result.why = "isolation.network_allow is empty";
    return result;
  }
  if ((found.wanted & text.bit) == 0) {
    result.state = mechanism_state::off;
    result.why = "no setting asks for it";
    return result;
  }
  result.why = reason_of(found, text.name);
  const auto better = better_one(text.bit, found.mechanisms);
  if (result.why.empty() && !better.empty()) {
    result.state = mechanism_state::not_needed;
    result.why = better;
    return result;
  }
  result.state = mechanism_state::missing;
  if (result.why.empty())
    result.why = text.bit == wire::own_uid && facts.uid != 0
                   ? "the node does not run as root"
                   : "the launcher gives no reason";
  result.hint = hint_for(text.bit, result.why, facts);
  return result;
}

} // namespace

std::vector<mechanism_finding> findings_of(const sandbox_report& found,
                                           const isolation_config& settings,
                                           const machine_facts& facts) {
  auto result = std::vector<mechanism_finding>{};
  for (const auto& text : known_mechanisms())
    result.push_back(finding_of(text, found, settings, facts));
  return result;
}

} // namespace ocw
