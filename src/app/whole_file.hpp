#pragma once

#include <caf/expected.hpp>

#include <cstdint>
#include <string>

namespace ocw {

/// A local file's bytes and permissions.
struct whole_file {
  std::string bytes;
  uint32_t mode = 0644; ///< permission bits
};

/// Reads a file, a pipe, or standard input (`-`) to its end.
/// `ec::invalid_request` with the path and the cause when that fails.
caf::expected<whole_file> read_whole_file(const std::string& path);

} // namespace ocw
