#pragma once

#include "app/endpoint.hpp"
#include "process/unique_fd.hpp"

#include <caf/expected.hpp>

#include <chrono>

namespace ocw {

/// Waits for `what` (as in poll(2)) to become possible at a descriptor; an
/// errno, or 0. A patience below 0 is endless.
int wait_for(int fd, short what, std::chrono::milliseconds patience);

/// A connected, non-blocking socket. Tries all addresses of the host, each
/// with the same patience. Errors are those of `connection`.
caf::expected<unique_fd> connect_to(const endpoint& where,
                                    std::chrono::milliseconds patience);

} // namespace ocw
