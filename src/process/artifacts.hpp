#pragma once

#include "ocw/messages/job.hpp"
#include "process/session_directory.hpp"

#include <string>
#include <vector>

namespace ocw {

/// What was collected, and what was not.
struct collected {
  std::vector<artifact_info> files; ///< sorted by path
  std::string warning;              ///< empty: everything was
  bool store_full = false;          ///< the target's disk had no room
};

/// Copies regular files to `<target>/<path>`: everything under output/, and
/// what matches `globs` under work/ (`*` and `?` stay within a component, `**`
/// spans them). A job chose these names, so links, devices, FIFOs and sockets
/// are left out and named in the warning. Blocks.
collected collect_artifacts(const session_layout& layout,
                            const std::vector<std::string>& globs,
                            const std::string& target);

/// The SHA-256 of a file's first `size` bytes, in lower-case hex; of nothing
/// when there is no such file. Blocks.
std::string sha256_of_file(const std::string& path, uint64_t size);

/// Whether `path` matches `glob`.
bool glob_matches(std::string_view glob, std::string_view path);

} // namespace ocw
