#pragma once

#include "launcher/wire.hpp"
#include "ocw/messages/session.hpp"
#include "process/session_directory.hpp"
#include "process/unique_fd.hpp"

#include <memory>
#include <string>

namespace ocw {

/// The most files, directories and links that a session of this limit may have:
/// one for each 4 KiB, which is what the smallest file takes, and some more.
uint64_t files_of_disk(uint64_t disk_bytes);

/// Whether a disk of its own can hold this job's limit. What is on it counts as
/// the job's memory, so a limit that its memory cannot hold would never be
/// reached; those are looked after by polling.
bool fits_in_memory(const effective_limits& limits);

/// A session's disk, for as long as somebody uses it.
using disk_handle = std::shared_ptr<const unique_fd>;

/// Where the files of a session are for this process.
struct session_place {
  session_layout layout;
  disk_handle disk; ///< null: in their directory
};

/// The files on a disk, through its descriptor.
session_place place_on(disk_handle disk, const session_config& settings);

} // namespace ocw
