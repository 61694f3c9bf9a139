#pragma once

#include "launcher/wire.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace ocw::launcher {

/// One job as it goes over the wire: the fixed part and its texts.
struct job_request {
  wire::job_spec spec;              ///< the counts are set by `encode`
  std::string spool_prefix;         ///< absolute
  std::string session_dir;          ///< absolute; the job may write below it
  std::string work_dir;             ///< absolute
  std::string exec_path;            ///< absolute
  std::string workspace;            ///< absolute, shown as work_dir; or empty
  std::vector<std::string> argv;    ///< at least argv[0]
  std::vector<std::string> env;     ///< "K=V"
  std::vector<std::string> secrets; ///< values that are masked in the output
};

/// The smallest `chunk_bytes`: a cell must have room for any character.
inline constexpr uint32_t min_chunk_bytes = 4;

/// The payload of `start_job`.
std::string encode(const job_request& request);

/// Replaces `request` with what `payload` says. Returns an empty view, or what
/// is wrong with it; then `request` is of no use. Believes no length.
std::string_view decode(std::string_view payload, job_request& request);

} // namespace ocw::launcher
