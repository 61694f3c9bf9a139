#pragma once

// What the node, the launcher and the shims say to each other, and what a shim
// leaves on disk. Shared by both sides; depends on nothing but the kernel.
//
// Every socket is a SOCK_STREAM Unix socket between programs of one build and
// one machine. A frame is a `frame_header` and `length` bytes. Integers are in
// the machine's own order.
//
//   node ── fd 0 of the launcher: set_up →            ← set_up_done, once
//                                 fork_shim →         ← shim_forked + the fd of
//                                                       the new shim's socket
//                                 make_disk →         ← disk_made + the fd of a
//                                                       mount attached nowhere
//   node ── that socket:  start_job, stop_job,        ← egress_listening,
//                         write_stdin, close_stdin      start_failed, output,
//                                                       job_ended
//
// Between them goes no more standard input than the shim has room for: the
// `output` frames say how much of it has reached the job.
//
// A shim runs one job at a time. After `start_failed` or `job_ended` it waits
// for the next `start_job`. When the node's end closes, it ends a running job
// (as `stop_cause::node_lost`) and exits.

#include <cstddef>
#include <cstdint>

namespace ocw::wire {

// -- what holds a job ---------------------------------------------------------

/// The mechanisms that keep a job in, one bit each. A launcher says which it
/// has; a job says which it gets.
enum mechanism : uint64_t {
  userns = 1u << 0,
  mount = 1u << 1, ///< a private root
  pid = 1u << 2,
  ipc = 1u << 3,
  uts = 1u << 4,
  net = 1u << 5, ///< a network of its own: loopback only
  seccomp = 1u << 6,
  landlock = 1u << 7,
  no_new_privs = 1u << 8,
  own_uid = 1u << 9, ///< a kernel uid of its own, never 0
  cgroup_memory = 1u << 10,
  cgroup_cpu = 1u << 11,
  cgroup_pids = 1u << 12,
  cgroup_kill = 1u << 13,
  noexec = 1u << 14,         ///< nothing that a job can write can be executed
  disk_tmpfs = 1u << 15,     ///< a file system of its own, of limits.disk
  no_inet = 1u << 16,        ///< no sockets of the Internet families at all
  exec_allowlist = 1u << 18, ///< nothing but the programs of the set-up runs
  egress_proxy = 1u << 19,   ///< with `net`: the node answers on egress_port
  exec_direct = 1u << 20,    ///< only they can be executed; ld.so is a way past
};

/// Where a job with `egress_proxy` finds the node, on 127.0.0.1 of its own
/// network. The one that proxies have by custom.
inline constexpr uint16_t egress_port = 3128;

// -- frames -------------------------------------------------------------------

enum class frame_type : uint32_t {
  fork_shim = 1, // node → launcher, no payload
  shim_forked,   // launcher → node, `shim_forked_reply`, 1 fd if pid > 0
  start_job,     // node → shim, a `job_spec` encoded as below, 0 to 2 fds
  stop_job,      // node → shim, `stop_request`; the first cause wins
  write_stdin,   // node → shim, raw bytes for the job's standard input
  close_stdin,   // node → shim, no payload
  start_failed,  // shim → node, `start_failure` then its text
  output,        // shim → node, `output_notice`; may be dropped, never waits
  job_ended,     // shim → node, `end_record`
  set_up,      // node → launcher, first, once: `launcher_setup` and its texts
  set_up_done, // launcher → node, `setup_report` and its texts
  make_disk,   // node → launcher, `disk_request`
  disk_made,   // launcher → node, `disk_made_reply`, 1 fd if `error` is 0
  egress_listening, // shim → node, no payload, 1 fd: a TCP socket that listens
                    // on egress_port in the job's network. Once, before the
                    // job starts, and only with `egress_proxy`
};

struct frame_header {
  uint32_t length = 0; // of the payload, at most max_frame_bytes
  frame_type type = frame_type::fork_shim;
};

inline constexpr uint32_t max_frame_bytes = 16u << 20;
inline constexpr unsigned max_frame_fds = 2;

struct shim_forked_reply {
  int32_t pid = -1; // -1: fork failed, `error` says why
  int32_t error = 0;
};

struct disk_request {
  uint64_t size_bytes = 0; // rounded up to whole pages
  uint64_t inodes = 0;     // files, directories and everything else
};

/// Of the size of a `shim_forked_reply`: a node reads either at once.
struct disk_made_reply {
  int32_t error = 0; // errno
  uint32_t reserved = 0;
};
static_assert(sizeof(disk_made_reply) == sizeof(shim_forked_reply));

/// Why a shim stopped a job. The order is part of the wire and of the spool.
enum class stop_cause : uint8_t {
  none = 0,     // it ended by itself
  cancelled,    // stop_job
  wall_timeout, // job_spec::wall_ms
  idle_timeout, // job_spec::idle_ms
  output_limit, // job_spec::output_bytes
  memory_limit, // job_spec::memory_bytes
  node_lost,    // the node's socket closed
  spool_failed, // the spool could not be written (`error` says why)
  disk_limit,
  pids_limit,
};

struct stop_request {
  stop_cause cause = stop_cause::cancelled;
  uint8_t skip_grace = 0; // 1: KILL at once
};

/// Where starting a job failed.
enum class start_stage : uint32_t {
  decode = 1, // the frame made no sense
  spool,      // the spool's files could not be made
  pipes,
  clone,
  directory, // chdir to the working directory
  limits,    // setrlimit
  exec,
  network,  // making or entering the session's network, or handing over
            // what listens in it
  mounts,   // making the session's root
  cgroup,   // making or entering the control groups
  identity, // the kernel uid, the user namespace, capabilities
  filters,  // no_new_privs, Landlock, seccomp
  disk,     // attaching the session's file system
};

struct start_failure {
  start_stage stage = start_stage::decode;
  int32_t error = 0; // errno
};

struct output_notice {
  uint64_t cells = 0; // index cells written so far
  uint64_t input = 0; // bytes of write_stdin the job has got, or that were
                      // dropped because it takes no more
};

// -- the launcher's set-up
// ------------------------------------------------------
//
// Texts have a uint32_t length and that many bytes, without a terminating NUL.
// `set_up` carries a `launcher_setup` and, in this order: the name of the
// launcher's control group, a directory that private roots are built on (empty:
// none wanted), the directory of the sessions, that of the spools, then
// readonly_count and hidden_count and workspace_count absolute paths, then
// program_count absolute paths of files and links whose directory is no link.
// `set_up_done` carries a `setup_report`, how control groups are held (empty:
// not at all), and `why_not_count` lines "mechanism: reason".

struct launcher_setup {
  uint64_t wanted = 0;          // mechanism bits to use where they work
  uint32_t readonly_count = 0;  // shown to jobs, read-only, where they are
  uint32_t hidden_count = 0;    // empty for jobs, wherever they would show
  uint32_t workspace_count = 0; // roots of directories jobs may be bound to
  uint32_t probe_uid = 0;       // a kernel uid and gid to try own_uid with
  uint32_t program_count = 0;   // at most max_programs; for exec_allowlist
};

inline constexpr uint32_t max_programs = 4096;

struct setup_report {
  uint64_t in_force = 0; // mechanism bits that were tried and work
  uint32_t landlock_abi = 0;
  uint32_t why_not_count = 0;
};

// -- the job's specification --------------------------------------------------
//
// `start_job` carries a `job_spec` followed by its texts, each a uint32_t
// length and that many bytes without a terminating NUL, in this order:
//   spool_prefix, session_dir, work_dir, exec_path, workspace (or empty),
//   then argv_count texts, env_count texts ("K=V"), secret_count texts.
// `exec_path` is absolute; nothing is searched for. The descriptors that come
// with the frame are, in this order: with `stdin_mode::file`, the job's
// standard input; with `disk_tmpfs`, what `disk_made` brought, filled as the
// session's directory.

enum class stdin_mode : uint8_t {
  none = 0, // /dev/null
  file,     // a descriptor that came with the frame
  pipe,     // a pipe fed by write_stdin; `stdin_wait_ms` applies
};

struct job_spec {
  uint64_t wall_ms = 0;        // 0 = no limit; from the start of the process
  uint64_t idle_ms = 0;        // 0 = no limit; without a byte of output
  uint64_t output_bytes = 0;   // stdout and stderr together; 0 = no limit
  uint64_t memory_bytes = 0;   // of the whole tree; 0 = no limit
  uint64_t file_bytes = 0;     // RLIMIT_FSIZE; 0 = leave
  uint64_t open_files = 0;     // RLIMIT_NOFILE; 0 = leave
  uint64_t disk_bytes = 0;     // of the session's directory; 0 = no limit
  uint64_t disk_files = 0;     // in it, of every kind; with disk_bytes
  uint64_t mechanisms = 0;     // what holds this job; a part of setup_report's
  uint32_t cpu_millicores = 0; // 0 = no limit
  uint32_t pids = 0;           // 0 = no limit
  uint32_t uid = 0;            // kernel uid and gid of the job, with own_uid
  uint32_t gid = 0;
  uint32_t kill_grace_ms = 2000;
  uint32_t drain_ms = 2000; // after the exit, for output still in the pipes
  uint32_t stdin_wait_ms
    = 0; // close an untouched stdin pipe after this; 0 = keep
  uint32_t chunk_bytes = 65536;
  stdin_mode input = stdin_mode::none;
  uint8_t capture_stdout = 1; // 0 = /dev/null
  uint8_t capture_stderr = 1;
  uint8_t reserved = 0;
  uint32_t argv_count = 0;
  uint32_t env_count = 0;
  uint32_t secret_count = 0;
};

// -- the spool on disk --------------------------------------------------------
//
// `<prefix>.stdout` and `<prefix>.stderr` hold the bytes exactly as they are
// served; each is made at its first byte. `<prefix>.index` is a list of 32-byte
// cells, in the order things happened. An output cell never covers more than
// chunk_bytes and never ends inside a UTF-8 character that its stream goes on
// with (up to three bytes wait for the next cell). It is written after the
// bytes it covers. The last cell is `ended`, followed by an `end_record` in
// end_cells further cells.

enum class cell_kind : uint8_t { output = 1, truncated, ended };
enum class stream_id : uint8_t { out = 0, err = 1 };

struct index_cell {
  int64_t unix_ms = 0;
  uint64_t offset = 0; // in the stream's file; truncated: where it was cut
  uint32_t length = 0; // of the bytes; ended: sizeof(end_record)
  cell_kind kind = cell_kind::output;
  stream_id stream = stream_id::out;
  uint16_t reserved = 0;
  uint32_t zero = 0;
  uint32_t check = 0; // crc32c of the 28 bytes before it
};
static_assert(sizeof(index_cell) == 32);

/// How a job ended, as its shim saw it.
struct end_record {
  int64_t started_unix_ms = 0; // just before the process was made
  int64_t ended_unix_ms = 0;   // when its main process was reaped
  uint64_t stdout_bytes = 0;   // kept
  uint64_t stderr_bytes = 0;
  uint64_t cpu_user_us = 0; // of everything that was reaped
  uint64_t cpu_system_us = 0;
  uint64_t memory_peak_kb = 0; // largest single process (ru_maxrss) or polled
  int32_t wait_status = 0;     // as waitid's si_status, see `signalled`
  int32_t error = 0;           // errno for spool_failed
  uint32_t killed = 0;         // processes that needed a signal to end
  uint32_t survivors = 0;      // still there when the shim gave up; 0
  stop_cause cause = stop_cause::none;
  uint8_t signalled = 0; // 1: wait_status is a signal number
  uint8_t stdout_truncated = 0;
  uint8_t stderr_truncated = 0;
  uint32_t cells = 0;        // output and truncated cells in the index
  int32_t pid = -1;          // of the main process, or of its namespace's init
  uint64_t oom_kills = 0;    // processes the kernel killed for memory
  uint64_t pids_refused = 0; // processes that could not be made at the limit
  uint64_t throttled_us = 0; // waiting for the next slice of CPU quota
  uint64_t io_read_bytes = 0;
  uint64_t io_write_bytes = 0;
  uint64_t mechanisms = 0; // what held the job
  uint64_t disk_bytes = 0; // in the session's directory, with a limit for it
  uint32_t disk_files = 0; // the same, as a count
  uint32_t reserved[2] = {0, 0};
  uint32_t check = 0; // crc32c of all bytes before it
};
static_assert(sizeof(end_record) == 160);
inline constexpr size_t end_cells = sizeof(end_record) / sizeof(index_cell);

/// CRC-32C (Castagnoli), as in RFC 3720 appendix B.4.
uint32_t crc32c(const void* data, size_t size);

} // namespace ocw::wire
