#pragma once

#include "ocw/messages/job.hpp"
#include "ocw/messages/listing.hpp"

#include <string>

namespace ocw {

/// The first constraint of a job that a worker's labels do not meet, in words;
/// empty if there is none.
std::string unmet_constraint(const job_request& request,
                             const worker_info& worker);

} // namespace ocw
