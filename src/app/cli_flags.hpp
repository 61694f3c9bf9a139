#pragma once

#include "app/cli_fwd.hpp"
#include "app/cli_values.hpp"

namespace ocw {

// Groups of flags that several commands share. `values` must outlive the
// parser.

/// `--json` and how to find the node.
void add_client_flags(CLI::App& command, cli_values& values);

/// `--json` alone.
void add_json_flag(CLI::App& command, cli_values& values);

/// Every field of a job request.
void add_request_flags(CLI::App& command, cli_values& values);

/// `--config`, and a hidden flag for every setting of a node.
void add_setting_flags(CLI::App& program, cli_values& values);

} // namespace ocw
