#pragma once

#include "launcher/fd.hpp"
#include "launcher/wire.hpp"

#include <sys/types.h>

namespace ocw::launcher {

/// Everything the new process needs, ready made: between clone and exec it
/// shares its parent's memory and may allocate nothing.
struct child_plan {
  const char* exec_path = nullptr;
  char* const* argv = nullptr; ///< ends with nullptr, as `envp`
  char* const* envp = nullptr;
  const char* work_dir = nullptr;
  int input = 0; ///< open descriptors of the caller; 0 is its /dev/null
  int output = 0;
  int errors = 0;
  uint64_t file_bytes = 0; ///< as in job_spec
  uint64_t open_files = 0;
};

struct child_start {
  pid_t pid = -1; ///< -1: `failure` says why
  unique_fd pidfd;
  wire::start_failure failure;
};

/// Starts the main process of a job: leader of its own session, KILLed when the
/// calling thread ends, with no descriptor but 0, 1 and 2. Returns when exec
/// has succeeded or failed; after a failure there is no process left.
child_start start_child(const child_plan& plan);

} // namespace ocw::launcher
