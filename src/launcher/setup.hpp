#pragma once

#include "launcher/wire.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace ocw::launcher {

/// What the launcher's root is made of. Absolute paths on the machine.
struct root_plan {
  std::string base; ///< an empty directory to build it on
  std::string sessions_dir;
  std::string spool_dir;
  std::vector<std::string> readonly;   ///< shown where they are
  std::vector<std::string> hidden;     ///< empty wherever they would show
  std::vector<std::string> workspaces; ///< roots of what jobs may be bound to
  std::vector<std::string> programs;   ///< what alone may be executed, if any
};

/// What the node asks a launcher to prepare.
struct setup_request {
  wire::launcher_setup fixed; ///< the counts are set by `encode`
  std::string group_name;
  root_plan root;
};

std::string encode(const setup_request& request);

/// Replaces `request` with what `payload` says. Returns an empty view, or what
/// is wrong with it.
std::string_view decode(std::string_view payload, setup_request& request);

} // namespace ocw::launcher
