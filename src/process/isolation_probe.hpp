#pragma once

#include "process/sandbox_report.hpp"

namespace ocw {

/// Finds out what would hold the jobs of a node with these settings, as a node
/// does: by a launcher, which runs a process with all of it. In a directory of
/// its own beside session.base_dir, in it, in the state dir or in TMPDIR (the
/// first that can be written), which is gone afterwards; a node that runs is
/// not touched.
/// Takes some milliseconds. For a process without other threads.
caf::expected<sandbox_report> probe_isolation(const config& settings);

} // namespace ocw
