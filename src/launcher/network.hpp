#pragma once

#include "launcher/fd.hpp"

namespace ocw::launcher {

/// A network namespace for one job.
struct job_network {
  unique_fd space;    ///< empty: there is none, and errno says why
  unique_fd listener; ///< a TCP socket in it, on wire::egress_port
};

enum class listening : unsigned char { no, yes };

/// Makes a network namespace with nothing in it but a loopback device that is
/// up, and a socket that listens there if it is wanted. It goes with the last
/// process and the last socket in it.
job_network make_network(listening wanted);

} // namespace ocw::launcher
