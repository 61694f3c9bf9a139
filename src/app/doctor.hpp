#pragma once

#include "ocw/config.hpp"
#include "process/container_engines.hpp"
#include "process/isolation_findings.hpp"

#include <string>
#include <vector>

namespace ocw {

/// A directory that a node needs, as it is now.
struct directory_check {
  std::string setting;
  std::string path;
  uint64_t free_bytes = 0;
  std::string problem; ///< why a node could not use it; empty: it could
};

/// Why a node would not start here, or could run no job.
struct doctor_problem {
  std::string setting; ///< empty: no setting is in the way
  std::string message;
};

/// What `opencode-worker doctor` finds out.
struct doctor_report {
  bool ok = false; ///< a node with these settings starts and runs jobs
  std::vector<doctor_problem> problems; ///< empty when ok
  std::string tier;
  std::string minimum; ///< isolation.minimum
  std::vector<mechanism_finding> mechanisms;
  std::vector<std::string> always;    ///< layers that are in force everywhere
  std::string control_groups;         ///< how they are held; empty: not at all
  std::string control_groups_mounted; ///< "v1", "v2", "v1 and v2" or "none"
  uint32_t landlock_abi = 0;          ///< 0: the kernel has no Landlock
  std::string kernel;
  uint32_t uid = 0;
  std::string container; ///< what this process is in; empty: none is recognized
  std::vector<container_engine> engines;
  std::vector<directory_check> directories;
};

/// Tries what a node with these settings would do. Blocks, for a second at
/// most unless a container engine hangs; leaves nothing behind.
doctor_report examine(const config& settings);

/// The report for people.
std::string render_doctor(const doctor_report& report, bool colored);

/// `opencode-worker doctor`. The exit code: 0 when a node with these settings
/// could run jobs here.
int run_doctor(const config& settings, bool json);

template <class Inspector>
bool inspect(Inspector& f, directory_check& x) {
  return f.object(x).fields(
    f.field("setting", x.setting), f.field("path", x.path),
    f.field("free_bytes", x.free_bytes), f.field("problem", x.problem));
}

template <class Inspector>
bool inspect(Inspector& f, doctor_problem& x) {
  return f.object(x).fields(f.field("setting", x.setting),
                            f.field("message", x.message));
}

template <class Inspector>
bool inspect(Inspector& f, doctor_report& x) {
  return f.object(x).fields(
    f.field("ok", x.ok), f.field("problems", x.problems),
    f.field("tier", x.tier), f.field("minimum", x.minimum),
    f.field("mechanisms", x.mechanisms), f.field("always", x.always),
    f.field("control_groups", x.control_groups),
    f.field("control_groups_mounted", x.control_groups_mounted),
    f.field("landlock_abi", x.landlock_abi), f.field("kernel", x.kernel),
    f.field("uid", x.uid), f.field("container", x.container),
    f.field("engines", x.engines), f.field("directories", x.directories));
}

} // namespace ocw
