#pragma once

#include "launcher/fd.hpp"
#include "launcher/wire.hpp"

#include <atomic>

#include <linux/filter.h>
#include <sys/types.h>

namespace ocw::launcher {

/// Something of the machine that shows below a session's own /tmp, read-only.
struct shown_place {
  const char* source;
  const char* target;
};

/// Where a session's private root gets what is the session's own. Absolute
/// paths in the launcher's root.
struct mount_plan {
  int disk = -1; ///< the session's own file system: not attached yet
  const char* sessions_dir = nullptr; ///< covered by a tmpfs
  const char* session_source = nullptr;
  const char* session_dir = nullptr;
  const char* work_dir = nullptr; ///< where a workspace shows
  const char* workspace_source = nullptr;
  int workspace_mount = -1; ///< instead of the source: not attached yet
  const char* temporary_source = nullptr; ///< shown as /tmp
  const char* tmpfs_options = nullptr;
  const shown_place* in_tmp = nullptr;
  size_t in_tmp_count = 0;
  bool noexec = false; ///< for everything a job can write
};

/// Everything the new process needs, ready made: between clone and exec it
/// shares its parent's memory and may allocate nothing.
struct child_plan {
  const char* exec_path = nullptr;
  char* const* argv = nullptr; ///< ends with nullptr, as `envp`
  char* const* envp = nullptr;
  const char* work_dir = nullptr;
  int input = 0; ///< open descriptors of the caller
  int output = 1;
  int errors = 2;
  uint64_t file_bytes = 0; ///< as in job_spec
  uint64_t open_files = 0;
  uint64_t mechanisms = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  const char* uid_map = nullptr; ///< user_namespaces(7), with `userns`
  const char* gid_map = nullptr;
  const int* cgroup_entries = nullptr; ///< each is written "0"
  size_t cgroup_entry_count = 0;
  int network = -1;    ///< the network namespace to enter
  int landlock = -1;   ///< a ruleset, landlock(7)
  int exec_rules = -1; ///< another: what may be executed
  const sock_fprog* seccomp = nullptr;
  mount_plan mounts;
};

/// What a pid namespace's init tells its shim, in memory they share.
struct init_report {
  std::atomic<uint32_t> started{0}; ///< a futex; 1: `failed` is set
  bool failed = false;
  wire::start_failure failure;
  std::atomic<bool> main_ended{false};
  int main_status = 0; ///< as wait(2) gives it
  uint32_t killed = 0; ///< processes the init had to KILL
};

struct child_start {
  pid_t pid = -1; ///< -1: `failure` says why
  unique_fd pidfd;
  wire::start_failure failure;
};

/// Starts the main process of a job: leader of its own session, KILLed when the
/// calling thread ends, with no descriptor but 0, 1 and 2. Returns when exec
/// has succeeded or failed; after a failure there is no process left.
///
/// With `wire::pid` the process that is returned is the init of a pid namespace
/// of the job's own; `report` then belongs to it until it was waited for. TERM
/// to it goes to every process inside, and it ends when none is left, or with
/// the main process, whose survivors it KILLs, if no TERM came before.
child_start start_child(const child_plan& plan, init_report& report);

} // namespace ocw::launcher
