#pragma once

#include "launcher/setup.hpp"
#include "ocw/config.hpp"
#include "ocw/messages/job.hpp"
#include "ocw/messages/session.hpp"

#include <caf/expected.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace ocw {

/// What a launcher found to hold jobs with.
struct sandbox_report {
  uint64_t mechanisms = 0;        ///< bits of wire::mechanism
  uint64_t wanted = ~uint64_t{0}; ///< the bits that were asked for
  uint32_t landlock_abi = 0;
  std::string control_groups;       ///< how they are held; empty: not at all
  std::vector<std::string> why_not; ///< "mechanism: reason"
};

/// Reads a `set_up_done` frame.
caf::expected<sandbox_report> read_report(std::string_view payload);

/// What a launcher is to prepare for these settings. `state_dir` is hidden
/// from jobs, and private roots are built in it.
launcher::setup_request setup_for(const config& settings,
                                  const std::string& state_dir,
                                  const std::string& spool_dir);

/// Makes the directories a launcher is pointed at. `ec::unavailable` names the
/// one that cannot be made.
caf::error make_setup_directories(const launcher::setup_request& request);

/// The settings that a node cannot meet with what its launcher found: an
/// `ec::isolation_unavailable` for each, with the setting as its field.
std::vector<caf::error> shortfalls_of(const config& settings,
                                      const sandbox_report& found);

/// `ec::isolation_unavailable` when every job will be refused, because
/// `security.exec_policy` asks for what was not found.
caf::error unenforced_policy(const config& settings,
                             const sandbox_report& found);

/// `ec::isolation_unavailable`, with what is missing and why, when a node's
/// launcher found less than its settings ask for.
caf::error check_found(const config& settings, const sandbox_report& found);

/// Says in the log what holds jobs, and what does not and why.
void log_isolation(const config& settings, const sandbox_report& found);

/// The strongest tier these mechanisms make.
isolation_tier tier_of(uint64_t mechanisms);

/// The mechanisms a job with these limits gets of those in force.
uint64_t mechanisms_for(const job_request& request,
                        const effective_limits& limits, uint64_t in_force);

/// Mechanisms as results and `require` name them.
isolation_report describe_isolation(uint64_t mechanisms,
                                    const std::string& control_groups);

/// The first kernel uid of jobs. Beyond the ranges that systemd and its
/// containers hand out; systemd's UIDS-GIDS documentation lists it as unused.
inline constexpr uint32_t first_job_uid = 1879048192;

} // namespace ocw
