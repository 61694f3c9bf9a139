#pragma once

#include "launcher/capture.hpp"
#include "launcher/child.hpp"
#include "launcher/clock.hpp"
#include "launcher/frames.hpp"
#include "launcher/sandbox.hpp"
#include "launcher/session_disk.hpp"
#include "launcher/spec.hpp"
#include "launcher/stdin_feed.hpp"
#include "launcher/tree_kill.hpp"

#include <optional>
#include <poll.h>

namespace ocw::launcher {

/// What comes with a job besides its description.
struct job_files {
  unique_fd input; ///< its standard input in `stdin_mode::file`
  unique_fd disk;  ///< its session's directory, with wire::disk_tmpfs
};

/// One job in a shim, from its start to its end record. Everything the job
/// needed is gone with the object.
///
///   start ──failed──▶ (a start_failure)
///     │
///   running ──a cause: TERM──▶ stopping ──grace over: KILL──▶ killing
///     │ main process ends         │ all end, or grace over       │
///     └───────────────────────────┴──────────────▶ ending ◀──────┘
///   ending: KILL what is left, drain the pipes, end record
class job_run {
public:
  job_run(job_request request, frame_reader& node, read_buffer& buffer,
          shim_sandbox& equipment);

  /// Starts the process. After a failure nothing is left, on disk either.
  std::optional<wire::start_failure> start(job_files given);

  /// Runs the job to its end, which is on disk when this returns.
  wire::end_record finish();

  bool node_open() const { return node_open_; }

private:
  enum class phase : uint8_t { running, stopping, killing, ending };
  enum slot : unsigned {
    node_slot,
    out_slot,
    err_slot,
    in_slot,
    main_slot,
    oom_slot
  };

  std::optional<wire::start_failure> start_process(unique_fd input);
  int hand_over_listener();
  void set_deadlines();

  void wait_and_serve();
  int poll_timeout() const;
  void serve_node(short events);
  void handle(frame& message);
  void serve_output(wire::stream_id stream, short events);
  void account(capture::outcome result);
  void serve_main();
  void serve_timers();
  void check_memory();
  void look_at_disk();
  void check_groups();
  void check_disk();
  bool ended_well() const;
  void notify();

  void stop(wire::stop_cause cause, bool skip_grace = false);
  void kill_tree();

  void drain();
  void write_record();

  job_request request_;
  frame_reader& node_;
  read_buffer& buffer_;
  spool_writer spool_;
  capture output_;
  stdin_feed input_;
  unique_fd main_fd_;
  unique_fd disk_;
  std::optional<disk_look> disk_look_; ///< where nothing else holds its limit
  shim_sandbox& equipment_;
  init_report inside_;
  process_tree tree_{-1, nullptr, nullptr};

  phase phase_ = phase::running;
  bool node_open_ = true;
  bool notice_owed_ = false;
  uint64_t noticed_cells_ = 0;
  uint64_t noticed_input_ = 0;
  int64_t last_output_ms_ = 0;
  // Deadlines of the steady clock; `never` when there is none.
  int64_t wall_end_ = never;
  int64_t input_end_ = never;
  int64_t grace_end_ = never;
  int64_t kill_end_ = never;  // then the shim gives the processes up
  int64_t next_look_ = never; // at the tree, while it is being stopped
  int64_t next_memory_look_ = never;
  int64_t next_disk_look_ = never;
  int64_t disk_look_began_ = never;
  wire::end_record record_;
};

} // namespace ocw::launcher
