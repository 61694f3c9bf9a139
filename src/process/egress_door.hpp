#pragma once

#include "process/unique_fd.hpp"

#include <memory>
#include <string>

namespace ocw {

/// The way out of a session's network: answers what its job connects to.
class egress_door {
public:
  /// Which session, for the log.
  struct about {
    std::string job_id;
    std::string session_id;
  };

  virtual ~egress_door() = default;

  /// Serves whoever connects to `listener`, a TCP socket that listens in the
  /// session's network, until the result is let go of; then every connection
  /// is cut. Both on the I/O thread. Null when the socket is of no use.
  virtual std::shared_ptr<void> serve(unique_fd listener, about whom) = 0;
};

} // namespace ocw
