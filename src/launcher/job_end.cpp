#include "launcher/job_run.hpp"

#include <sys/wait.h>

#include <algorithm>
#include <csignal>

// What is left to do when nothing of a job runs any more.

namespace ocw::launcher {

using wire::stop_cause;
using wire::stream_id;

// What the kernel held the job to, and what it used. A process that was killed
// for memory may have ended the job before that was heard of.
void job_run::check_groups() {
  auto* groups = equipment_.groups();
  if (groups == nullptr)
    return;
  if (groups->oom_happened() && record_.cause == stop_cause::none)
    record_.cause = stop_cause::memory_limit;
  const auto used = groups->usage();
  record_.memory_peak_kb
    = std::max(record_.memory_peak_kb, used.memory_peak_kb);
  record_.oom_kills = used.oom_kills;
  record_.pids_refused = used.pids_refused;
  record_.throttled_us = used.throttled_us;
  record_.io_read_bytes = used.io_read_bytes;
  record_.io_write_bytes = used.io_write_bytes;
  if (used.pids_refused > 0 && !ended_well()
      && record_.cause == stop_cause::none)
    record_.cause = stop_cause::pids_limit;
}

bool job_run::ended_well() const {
  return tree_.main_reaped() && tree_.main_status() == 0;
}

// Nobody of the job is left to write, so what the pipes hold is all there is,
// unless a descriptor was handed to a stranger: hence the deadline.
void job_run::drain() {
  const auto end = steady_ms() + request_.spec.drain_ms;
  for (;;) {
    pollfd fds[] = {{output_.fd(stream_id::out), POLLIN, 0},
                    {output_.fd(stream_id::err), POLLIN, 0}};
    if (fds[0].fd < 0 && fds[1].fd < 0)
      return;
    const auto left = end - steady_ms();
    if (left <= 0 || ::poll(fds, 2, static_cast<int>(left)) == 0)
      break;
    serve_output(stream_id::out, fds[0].revents);
    serve_output(stream_id::err, fds[1].revents);
  }
  account(output_.finish(stream_id::out));
  account(output_.finish(stream_id::err));
}

void job_run::write_record() {
  const auto& used = tree_.usage();
  const auto status = tree_.main_status();
  if (record_.ended_unix_ms == 0)
    record_.ended_unix_ms = unix_ms();
  record_.cpu_user_us = used.user_us;
  record_.cpu_system_us = used.system_us;
  record_.memory_peak_kb = std::max(record_.memory_peak_kb, used.peak_kb);
  record_.killed = tree_.signalled();
  record_.mechanisms = request_.spec.mechanisms;
  record_.signalled = !tree_.main_reaped() || WIFSIGNALED(status) ? 1 : 0;
  if (!tree_.main_reaped())
    record_.wait_status = SIGKILL;
  else
    record_.wait_status
      = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
  const auto error = spool_.finish(record_);
  if (error != 0 && record_.error == 0)
    record_.error = error;
}

} // namespace ocw::launcher
