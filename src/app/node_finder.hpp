#pragma once

#include "app/cli_values.hpp"
#include "app/config_loader.hpp"
#include "app/http_client.hpp"

#include <caf/expected.hpp>

#include <string>

namespace ocw {

/// How to talk to a node, as flags, environment and settings say.
struct node_choice {
  endpoint where;
  http_client::options how;
  bool explicitly = false; ///< the user named it
};

/// Where the node is: `--url`, else `OPENCODE_WORKER_URL`, else the settings,
/// and with a port of 0 there, what the running node wrote into its state
/// directory. The token: `--token-file`, else `OPENCODE_WORKER_TOKEN`, else,
/// for a node on this machine or the one in the settings, the state
/// directory's; it is never sent elsewhere.
///
/// `ec::forbidden` when a settings file that merely lies in the working
/// directory names a node on another machine: nothing is sent there.
/// `ec::not_found` when the settings say port 0 and no node has started.
caf::expected<node_choice> choose_node(const cli_values& values,
                                       const config_sources& sources,
                                       const loaded_config& settings);

/// Whether a node of ours answers there. Shows it no token.
bool is_node(const node_choice& choice);

} // namespace ocw
