#pragma once

#include "ocw/config.hpp"
#include "ocw/messages/session.hpp"

#include <caf/error.hpp>

#include <string>

namespace ocw {

/// Where a session's things are:
/// `<base_dir>/session-<id>/{work,output,tmp,opencode.json}`.
struct session_layout {
  std::string root;
  std::string work;
  std::string output;
  std::string temporary; ///< the job's TMPDIR
  std::string config_file;
};

session_layout layout_of(const session_config& settings,
                         const std::string& session_id);

/// Makes the directories, `opencode.json`, and the files of the request below
/// work/. Blocks. On an error nothing is promised about what is there.
caf::error make_session(const session_layout& layout,
                        const job_request& request);

/// Moves a session's directory out of the way, into `<base_dir>/.trash`, which
/// is quick whatever is in it; the name it has there, empty if it had none.
std::string move_to_trash(const session_config& settings,
                          const std::string& session_id);

} // namespace ocw
