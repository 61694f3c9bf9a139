#pragma once

#include "ocw/messages/job.hpp"
#include "ocw/messages/local.hpp"
#include "ocw/messages/session.hpp"

#include <string>

namespace ocw {

// How an end turns into a status, a reason and an exit code. Pure.

/// Fills in what the end of the process decides: status, reason, exit code,
/// times and counts. `stopped` is what a stop was asked for, if it was.
void apply_end(job_record& record, const process_end& end,
               const effective_limits& limits, const end_reason& stopped);

/// Fills in what of its artifacts was not kept. A job that lost some for lack
/// of room on the node's disk has not finished.
void apply_missing(job_record& record, std::string missing, bool store_full);

/// Fills in a job that ended without a process.
void apply_refusal(job_record& record, end_reason reason);

/// The status that a reason means.
job_status status_for(reason_code code);

/// A reason with the advice that goes with its code.
end_reason make_reason(reason_code code, std::string message);

} // namespace ocw
