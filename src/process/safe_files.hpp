#pragma once

#include "process/unique_fd.hpp"

#include <caf/error.hpp>
#include <caf/expected.hpp>

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace ocw {

// Files below a directory that somebody else may be writing in: no path leads
// out of it, through no link of any kind (openat2(2), RESOLVE_BENEATH,
// RESOLVE_NO_SYMLINKS, RESOLVE_NO_MAGICLINKS).

/// Opens `path` below `directory` with `flags` (O_CLOEXEC is added).
/// `ec::not_found` or `ec::forbidden` with the path and the cause.
caf::expected<unique_fd> open_below(int directory, const std::string& path,
                                    int flags, mode_t mode = 0);

/// What becomes of a file that is there already.
enum class existing_file : uint8_t { refused, replaced };

/// Writes a new file, with the directories that lead to it. What is made
/// belongs to whom `directory` belongs.
caf::error write_below(int directory, const std::string& path,
                       std::string_view bytes, mode_t mode,
                       existing_file existing = existing_file::refused);

/// Writes all of `bytes` to a descriptor; an errno, or 0.
int write_all(int fd, std::string_view bytes);

/// An unlinked file that holds `bytes`, open for reading from its start.
caf::expected<unique_fd> file_holding(std::string_view bytes);

/// Removes a directory and everything in it, whatever its modes; never
/// follows a link and never crosses into another file system. False if
/// something is left.
bool remove_tree(const std::string& path);

/// Makes everything below and including `path` belong to `uid` and `gid`,
/// links themselves and not what they point at. False, and errno, on failure.
bool give_tree(const std::string& path, uint32_t uid, uint32_t gid);

} // namespace ocw
