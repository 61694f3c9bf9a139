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

/// What holds a session, and as whom its job runs.
struct session_hold {
  uint64_t mechanisms = 0; ///< bits of wire::mechanism
  uint32_t uid = 0;        ///< kernel ids, with wire::own_uid
  uint32_t gid = 0;
};

session_layout layout_of(const session_config& settings,
                         const std::string& session_id);

/// The same below another root.
session_layout layout_below(const session_config& settings, std::string root);

/// Makes the directories, `opencode.json`, and the files of the request below
/// work/, and gives them to whom the job runs as. The root of a session with
/// wire::disk_tmpfs is there already. Blocks. On an error nothing
/// is promised about what is there.
caf::error make_session(const session_layout& layout,
                        const job_request& request, const session_hold& hold);

/// Moves a session's directory out of the way, into `<base_dir>/.trash`, which
/// is quick whatever is in it; the name it has there, empty if it had none.
std::string move_to_trash(const session_config& settings,
                          const std::string& session_id);

} // namespace ocw
