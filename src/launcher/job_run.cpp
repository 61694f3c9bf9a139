#include "launcher/job_run.hpp"

#include <algorithm>
#include <csignal>
#include <cstring>

namespace ocw::launcher {
namespace {

using wire::stop_cause;
using wire::stream_id;

constexpr int64_t look_ms = 10; // between looks at a tree being stopped
// Between looks at a job's memory: as long as it would take to fill what is
// left at about 8 GB/s, within bounds. A job far from its limit costs little.
constexpr int64_t least_memory_look_ms = 20;
constexpr int64_t most_memory_look_ms = 1000;
constexpr uint64_t fill_kb_per_ms = 8192;
constexpr int64_t give_up_ms = 5000; // for processes that ignore even KILL
// Word of less input than this waits until all of it is with the job.
constexpr uint64_t input_step = 64 << 10;
constexpr int frames_at_once = 32; // then the job's output has its turn

} // namespace

wire::end_record job_run::finish() {
  while (phase_ != phase::ending)
    wait_and_serve();
  input_.close();
  record_.survivors = tree_.kill_rest(give_up_ms);
  check_groups();
  check_disk();
  drain();
  write_record();
  buffer_.shrink(output_.read_bytes());
  return record_;
}

// -- the loop -----------------------------------------------------------------

void job_run::wait_and_serve() {
  const auto node_events = static_cast<short>((input_.full() ? 0 : POLLIN)
                                              | (notice_owed_ ? POLLOUT : 0));
  // poll() skips negative descriptors; a full stdin pipe without a reader
  // would report an error at once, so it is listed only with bytes to write.
  pollfd fds[] = {
    {node_open_ ? node_.socket() : -1, node_events, 0},
    {output_.fd(stream_id::out), POLLIN, 0},
    {output_.fd(stream_id::err), POLLIN, 0},
    {input_.wants_write() ? input_.fd() : -1, POLLOUT, 0},
    {tree_.main_reaped() ? -1 : main_fd_.get(), POLLIN, 0},
    {-1, 0, 0},
  };
  if (const auto* groups = equipment_.groups())
    fds[oom_slot] = {groups->oom_fd(), groups->oom_poll_events(), 0};
  if (::poll(fds, std::size(fds), poll_timeout()) > 0) {
    serve_node(fds[node_slot].revents);
    if (fds[in_slot].revents != 0)
      input_.pump();
    serve_output(stream_id::out, fds[out_slot].revents);
    serve_output(stream_id::err, fds[err_slot].revents);
    if (fds[oom_slot].revents != 0 && equipment_.groups()->oom_happened())
      stop(stop_cause::memory_limit, true);
    if (fds[main_slot].revents != 0)
      serve_main();
    const auto passed_on = input_.passed_on() - noticed_input_;
    if (passed_on >= input_step || (passed_on > 0 && !input_.wants_write()))
      notify();
  }
  serve_timers();
}

int job_run::poll_timeout() const {
  auto next = std::min({wall_end_, input_end_, grace_end_, kill_end_,
                        next_look_, next_memory_look_, next_disk_look_});
  if (phase_ == phase::running)
    next
      = std::min(next, deadline_after(last_output_ms_, request_.spec.idle_ms));
  if (next == never)
    return -1;
  constexpr int64_t longest = 1 << 30;
  return static_cast<int>(std::clamp<int64_t>(next - steady_ms(), 0, longest));
}

void job_run::serve_node(short events) {
  if ((events & POLLOUT) != 0)
    notify();
  // While stdin is full nothing is read, so the end shows up as an event only.
  if (input_.full() && (events & (POLLHUP | POLLERR)) != 0) {
    node_open_ = false;
    stop(stop_cause::node_lost);
  }
  if ((events & (POLLIN | POLLHUP | POLLERR)) == 0)
    return;
  frame message;
  for (int n = 0; n < frames_at_once && node_open_ && !input_.full(); ++n) {
    const auto result = node_.read(message, waiting::no);
    if (result == read_result::again)
      return;
    if (result == read_result::complete) {
      handle(message);
      continue;
    }
    node_open_ = false;
    stop(stop_cause::node_lost);
  }
}

void job_run::handle(frame& message) {
  switch (message.type) {
  case wire::frame_type::write_stdin:
    input_end_ = never;
    return input_.push(std::move(message.payload));
  case wire::frame_type::close_stdin:
    input_end_ = never;
    return input_.finish();
  case wire::frame_type::stop_job: {
    wire::stop_request request;
    if (message.payload.size() != sizeof(request))
      break;
    std::memcpy(&request, message.payload.data(), sizeof(request));
    const auto known = request.cause > stop_cause::none
                       && request.cause <= stop_cause::pids_limit;
    return stop(known ? request.cause : stop_cause::cancelled,
                request.skip_grace != 0);
  }
  default:
    break;
  }
  // The node lost its way: what it says next cannot be trusted either.
  node_open_ = false;
  stop(stop_cause::node_lost);
}

void job_run::serve_output(stream_id stream, short events) {
  if (events == 0)
    return;
  const auto before = output_.read_bytes();
  account(output_.read(stream, buffer_));
  if (output_.read_bytes() != before)
    last_output_ms_ = steady_ms();
  if (spool_.cells() != noticed_cells_)
    notify();
}

void job_run::account(capture::outcome result) {
  if (result == capture::outcome::over)
    stop(stop_cause::output_limit);
  if (result != capture::outcome::failed)
    return;
  if (record_.error == 0)
    record_.error = output_.error();
  stop(stop_cause::spool_failed);
}

// A notice that finds no room goes out, with newer numbers, when there is.
void job_run::notify() {
  if (!node_open_)
    return;
  const auto notice = wire::output_notice{spool_.cells(), input_.passed_on()};
  const auto result = send_frame(node_.socket(), wire::frame_type::output,
                                 bytes_of(notice), waiting::no);
  notice_owed_ = result == send_result::would_block;
  noticed_cells_ = notice.cells;
  noticed_input_ = notice.input;
}

// A stop gives every process its grace, not only the main one.
void job_run::serve_main() {
  const auto others = tree_.reap();
  if (!tree_.main_reaped())
    return;
  record_.ended_unix_ms = unix_ms();
  if (phase_ == phase::stopping && others)
    next_look_ = steady_ms() + look_ms;
  else
    phase_ = phase::ending;
}

void job_run::serve_timers() {
  const auto now = steady_ms();
  if (now >= input_end_) {
    input_end_ = never;
    input_.finish();
  }
  if (phase_ == phase::running) {
    if (now >= wall_end_)
      stop(stop_cause::wall_timeout);
    else if (now >= deadline_after(last_output_ms_, request_.spec.idle_ms))
      stop(stop_cause::idle_timeout);
    else if (now >= next_memory_look_)
      check_memory();
    else if (now >= next_disk_look_)
      look_at_disk();
  }
  if (phase_ == phase::stopping && now >= grace_end_)
    kill_tree();
  if (now < next_look_)
    return;
  next_look_ = now + look_ms;
  if (phase_ == phase::killing) {
    if (now >= kill_end_)
      phase_ = phase::ending;
    else
      tree_.signal_all(SIGKILL);
  } else if (phase_ == phase::stopping && !tree_.reap()) {
    phase_ = phase::ending;
  }
}

void job_run::check_memory() {
  // What is on a disk of its own is in memory, whoever counts it.
  const auto on_disk = disk_ ? use_of_disk(disk_.get()).bytes / 1024 : 0;
  const auto used = tree_.resident_kb() + on_disk;
  const auto limit = request_.spec.memory_bytes / 1024;
  record_.memory_peak_kb = std::max(record_.memory_peak_kb, used);
  if (used > limit)
    stop(stop_cause::memory_limit, true);
  const auto left = used > limit ? 0 : limit - used;
  next_memory_look_ = steady_ms()
                      + std::clamp(static_cast<int64_t>(left / fill_kb_per_ms),
                                   least_memory_look_ms, most_memory_look_ms);
}

// -- stopping -----------------------------------------------------------------

// The first cause is the cause; a later one can only shorten the grace. While
// the pipes are drained there is nothing to stop any more, but a cause to note.
void job_run::stop(stop_cause cause, bool skip_grace) {
  if (record_.cause == stop_cause::none)
    record_.cause = cause;
  if (phase_ == phase::running) {
    phase_ = phase::stopping;
    wall_end_ = next_memory_look_ = next_disk_look_ = never;
    grace_end_ = steady_ms() + request_.spec.kill_grace_ms;
    if (!skip_grace)
      tree_.signal_all(SIGTERM);
  }
  if (phase_ == phase::stopping && skip_grace)
    kill_tree();
}

void job_run::kill_tree() {
  grace_end_ = never;
  if (tree_.main_reaped()) {
    phase_ = phase::ending; // which kills the others
    return;
  }
  phase_ = phase::killing;
  tree_.signal_all(SIGKILL);
  const auto now = steady_ms();
  next_look_ = now + look_ms;
  kill_end_ = now + give_up_ms;
}

} // namespace ocw::launcher
