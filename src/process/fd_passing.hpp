#pragma once

#include "process/unique_fd.hpp"

#include <sys/types.h>

#include <cstddef>

namespace ocw {

/// Sends bytes, without waiting, with a descriptor unless `attached` is -1. As
/// send(2): how many were taken, or -1 and errno.
ssize_t send_with_fd(int socket, const char* data, size_t size, int attached);

/// Receives bytes, without waiting. A descriptor that came with them replaces
/// `attached`; one call never reads on beyond the bytes that one came with. As
/// recv(2), but never interrupted.
ssize_t receive_with_fd(int socket, void* to, size_t size, unique_fd& attached);

} // namespace ocw
