#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ocw::net {

/// What a tar archive says about one regular file.
struct tar_entry {
  std::string_view path;
  uint64_t size = 0;
  int64_t modified_unix_s = 0;
};

/// The blocks before a file's bytes: ustar, preceded by a pax header where the
/// path is longer than 100 bytes or the size over 8 GiB.
std::string tar_header(const tar_entry& entry);

/// The zeros behind a file's bytes.
std::string tar_padding(uint64_t size);

/// The two empty blocks that end an archive.
std::string tar_end();

} // namespace ocw::net
