#pragma once

#include "ocw/config.hpp"

#include <caf/error.hpp>

namespace ocw {

/// Sends all lines of `ocw::log` where the settings say, from now on; may be
/// called again to change that. `ec::invalid_request` with the path when the
/// log file cannot be opened: then all stays as it was. Any thread; starts
/// none.
caf::error set_up_logging(const logging_config& settings);

/// Opens the log file again by its name, as SIGHUP asks for after the file was
/// moved away. When that fails, the old file stays in use and gets a warning.
/// Any thread.
void reopen_log();

} // namespace ocw
