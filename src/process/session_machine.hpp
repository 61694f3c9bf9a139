#pragma once

#include "ocw/actors.hpp"
#include "ocw/messages/local.hpp"
#include "ocw/messages/session.hpp"
#include "process/input_queue.hpp"

#include <memory>
#include <string>

namespace ocw {

/// A job's process while it runs. Every call returns at once and may be made
/// from any thread; after the process has ended they do nothing.
class running_process {
public:
  virtual ~running_process() = default;

  /// TERM to the whole tree, the session's grace, then KILL. Idempotent.
  virtual void stop() = 0;

  /// Queues bytes for standard input, then closes it if `eof`: all of it or,
  /// where too much waits already (`input_queue`), nothing.
  virtual feeding feed(std::string bytes, bool eof) = 0;
};

/// What a session needs of the machine it runs on: the one seam between actors
/// and the kernel. Calls return at once; each has exactly one answer, sent to
/// the session as the message its comment names.
class session_machine {
public:
  virtual ~session_machine() = default;

  /// Makes the directory and writes the files. Answer: `prepare_done`.
  virtual void prepare(std::shared_ptr<const session_task> task,
                       session_actor session)
    = 0;

  /// Starts the process. Answer: `start_refused`, or `process_ended` later.
  /// Meanwhile it tells `task->follow` of the output.
  virtual std::shared_ptr<running_process>
  start(std::shared_ptr<const session_task> task, session_actor session) = 0;

  /// Copies artifacts to the store and hashes the output; `end` is how the
  /// process ended. Answer: `collect_done`.
  virtual void collect(std::shared_ptr<const session_task> task,
                       const process_end& end, session_actor session)
    = 0;

  /// Takes the directory away. Answer: `destroy_done`.
  virtual void destroy(std::shared_ptr<const session_task> task,
                       session_actor session)
    = 0;

  /// Removes what is kept of an ended job besides its record.
  virtual void forget(const job_record& record) = 0;

  /// Whether the directory of a job's session is there.
  virtual bool has_traces(const job_record& record) const = 0;

  /// The digests of what a session wrote. Blocks; for start-up.
  virtual output_digests digest(const job_record& record,
                                const process_end& end) const = 0;

  /// Takes away what a session of an earlier run of this node left behind.
  virtual void sweep(const job_record& record) = 0;

  /// What holds this job here, with these limits, as results report it.
  virtual isolation_report isolation(const job_request& request,
                                     const effective_limits& limits) const = 0;
};

} // namespace ocw
