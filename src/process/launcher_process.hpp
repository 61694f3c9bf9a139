#pragma once

#include "process/sandbox_report.hpp"
#include "process/unique_fd.hpp"

#include <boost/asio/io_context.hpp>
#include <caf/expected.hpp>

#include <sys/types.h>

#include <string>

namespace ocw {

/// A launcher that was just started, and the socket to it.
struct launcher_process {
  pid_t pid = -1;
  unique_fd socket; ///< non-blocking, close-on-exec
  sandbox_report sandbox;
};

/// Starts the launcher program with the other end of `socket` as its standard
/// input and has it prepare what holds jobs, which takes some milliseconds.
/// Safe in a process with threads (vfork). `ec::launch_failed` says what is
/// wrong.
caf::expected<launcher_process>
start_launcher(const std::string& program,
               const launcher::setup_request& request);

/// Waits a moment for a launcher whose socket was closed: it ends when its last
/// shim has, which takes no time when no job runs.
void wait_for_launcher(pid_t launcher);

/// Takes in a launcher that ends by itself, whenever it does: its socket is
/// closed a moment before its process is gone. Nothing for `launcher` <= 0.
void reap_launcher(boost::asio::io_context& io, pid_t launcher);

/// Where the launcher is: beside this program, or where it is installed.
/// `ec::launch_failed` when it is in neither place.
caf::expected<std::string> find_launcher();

} // namespace ocw
