#pragma once

#include "net/stream.hpp"
#include "process/unique_fd.hpp"

#include <caf/expected.hpp>

#include <cstdint>
#include <string>

namespace ocw::net {

/// An artifact's file, open for reading.
struct artifact_file {
  unique_fd descriptor;
  uint64_t size = 0;
};

/// Opens a regular file at `path` below `directory`, through no link of any
/// kind and never outside. `ec::not_found` when there is none.
caf::expected<artifact_file> open_artifact(const std::string& directory,
                                           const std::string& path);

/// Sends the first `length` bytes of a file. False when the connection is
/// broken or the file is shorter. I/O thread.
awaitable<bool> send_file_bytes(stream_type& stream, const artifact_file& file,
                                uint64_t length);

} // namespace ocw::net
