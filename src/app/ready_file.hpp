#pragma once

#include <string>

namespace ocw {

/// Tells other programs where the node listens, in `<state_dir>/node.json`:
/// `{"pid", "api_url", "websocket_url"}`. Written whole or not at all, when
/// jobs can be taken; removed when the node stops.
void write_ready_file(const std::string& state_dir, const std::string& api_url,
                      const std::string& websocket_url);

void remove_ready_file(const std::string& state_dir);

} // namespace ocw
