#pragma once

#include <caf/error.hpp>

#include <string>

namespace ocw {

/// Where a node keeps what outlives its sessions, all below one directory.
struct store_paths {
  std::string dir;

  /// Of a session's output files; see `wire::job_spec`.
  std::string spool_prefix(const std::string& session_id) const {
    return dir + "/spool/" + session_id;
  }

  /// Of a job's collected files.
  std::string artifact_dir(const std::string& job_id) const {
    return dir + "/artifacts/" + job_id;
  }

  std::string database() const { return dir + "/jobs.sqlite"; }
};

/// Makes the directories, for the owner alone. `ec::unavailable` names the one
/// that cannot be made or written, and why.
caf::error make_store_directories(const store_paths& paths);

} // namespace ocw
