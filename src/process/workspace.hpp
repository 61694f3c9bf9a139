#pragma once

#include "ocw/config.hpp"

#include <caf/expected.hpp>

#include <string>

namespace ocw {

/// The real path of a job's `workspace`, links resolved: a directory below one
/// of `session.workspace_roots`, not a root itself; else `ec::invalid_request`.
/// A few system calls.
caf::expected<std::string> resolve_workspace(const std::string& path,
                                             const session_config& settings);

} // namespace ocw
