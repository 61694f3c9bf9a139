#pragma once

#include "app/run_request.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace ocw {

/// What the command line said, for all commands together: each reads what it
/// has flags for.
struct cli_values {
  // -- every command ----------------------------------------------------------
  bool json = false;
  std::string url;
  std::string token_file;
  std::string ca_file;
  std::string config_file;
  std::vector<std::pair<std::string, std::string>> settings; ///< key, text

  // -- run, submit ------------------------------------------------------------
  request_flags request;
  std::string artifacts_to; ///< run: a directory

  // -- about jobs -------------------------------------------------------------
  std::string job_id;
  double wait_s = -1; ///< less than 0: do not wait
  std::string reason;
  std::string stream; ///< stdout or stderr; empty: both
  bool follow = false;

  // -- ls ---------------------------------------------------------------------
  std::string status;
  std::vector<std::string> labels;
  uint32_t limit = 50;
  std::string cursor;

  // -- artifacts --------------------------------------------------------------
  std::string path; ///< empty: all of them
  std::string to;   ///< a directory
  std::string tar;  ///< a file, or `-`

  // -- completions ------------------------------------------------------------
  std::string shell;
};

} // namespace ocw
