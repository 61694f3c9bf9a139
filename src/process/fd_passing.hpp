#pragma once

#include "process/unique_fd.hpp"

#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string_view>

namespace ocw {

/// Sends bytes to a Unix socket, with those of `attached` (at most
/// wire::max_frame_fds) that are open, without waiting. As sendmsg(2) returns.
ssize_t send_with_fds(int socket, std::string_view bytes,
                      std::span<const unique_fd> attached);

/// Receives bytes, without waiting. A descriptor that came with them replaces
/// `attached`; one call never reads on beyond the bytes that one came with. As
/// recv(2), but never interrupted.
ssize_t receive_with_fd(int socket, void* to, size_t size, unique_fd& attached);

} // namespace ocw
