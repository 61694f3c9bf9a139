#pragma once

#include "net/bodies.hpp"

namespace ocw::net {

/// Why a job waits, runs, or ended so: from its record and the node's report,
/// and from nothing else.
why_report explain(const job_record& record, const node_report& node);

} // namespace ocw::net
