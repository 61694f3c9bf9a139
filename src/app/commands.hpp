#pragma once

#include "app/cli_values.hpp"
#include "app/http_client.hpp"

#include <functional>

namespace ocw {

// The commands that ask a node something. Each prints its answer, tells what
// went wrong on standard error, and returns the exit code.

int command_submit(http_client& node, const cli_values& values);
int command_status(http_client& node, const cli_values& values);
int command_ls(http_client& node, const cli_values& values);
int command_cancel(http_client& node, const cli_values& values);
int command_why(http_client& node, const cli_values& values);
int command_logs(http_client& node, const cli_values& values);
int command_output(http_client& node, const cli_values& values);
int command_artifacts(http_client& node, const cli_values& values);

/// Tells what went wrong, and returns the exit code for it.
int fail(const caf::error& err);

/// Where a job runs.
struct job_node {
  http_client client;
  std::function<void()> kill_jobs; ///< without a grace; empty: not ours to do
};

/// Finds the node to run a job on, or starts one. Called when the request is
/// known to be good, before this process has other threads.
using node_source = std::function<caf::expected<job_node>()>;

/// Runs a job as if it ran here: its output, its input, its exit code.
int command_run(const node_source& find_node, const cli_values& values);

} // namespace ocw
