#include "launcher/job_run.hpp"

#include <fcntl.h>

#include <cerrno>

namespace ocw::launcher {
namespace {

using wire::stream_id;

constexpr int64_t first_look_ms = 50; // short jobs never pay for it

struct pipe_ends {
  unique_fd read;
  unique_fd write;
};

// Close-on-exec, and blocking for the job only: O_NONBLOCK belongs to an end,
// and a job that reads back its own output must not block the shim.
bool make_pipe(pipe_ends& ends, unique_fd& jobs_end) {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0)
    return false;
  ends.read.reset(fds[0]);
  ends.write.reset(fds[1]);
  return ::fcntl(jobs_end.get(), F_SETFL, 0) == 0;
}

// What exec wants: pointers to the texts, then a null pointer.
std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (auto& text : texts)
    pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// The shim's own 0 to 2 are /dev/null.
int or_own(const unique_fd& fd, int own) {
  return fd ? fd.get() : own;
}

} // namespace

job_run::job_run(job_request request, frame_reader& node, read_buffer& buffer,
                 shim_sandbox& equipment)
  : request_(std::move(request)),
    node_(node),
    buffer_(buffer),
    output_(spool_, request_.secrets, request_.spec.output_bytes),
    equipment_(equipment) {
  // nop
}

std::optional<wire::start_failure> job_run::start(job_files given) {
  const auto error
    = spool_.open(equipment_.shared().path_here(request_.spool_prefix),
                  request_.spec.chunk_bytes);
  if (error != 0)
    return wire::start_failure{wire::start_stage::spool, error};
  disk_ = std::move(given.disk);
  auto failure = start_process(std::move(given.input));
  if (failure)
    spool_.remove();
  else
    set_deadlines();
  return failure;
}

std::optional<wire::start_failure> job_run::start_process(unique_fd input) {
  const auto& spec = request_.spec;
  pipe_ends in, out, err;
  if ((spec.input == wire::stdin_mode::pipe && !make_pipe(in, in.read))
      || (spec.capture_stdout != 0 && !make_pipe(out, out.write))
      || (spec.capture_stderr != 0 && !make_pipe(err, err.write)))
    return wire::start_failure{wire::start_stage::pipes, errno};
  if (spec.input == wire::stdin_mode::pipe)
    input = std::move(in.read);
  const auto argv = pointers_to(request_.argv);
  const auto envp = pointers_to(request_.env);
  child_plan plan;
  plan.exec_path = request_.exec_path.c_str();
  plan.argv = argv.data();
  plan.envp = envp.data();
  plan.work_dir = request_.work_dir.c_str();
  plan.input = or_own(input, STDIN_FILENO);
  plan.output = or_own(out.write, STDOUT_FILENO);
  plan.errors = or_own(err.write, STDERR_FILENO);
  plan.file_bytes = spec.file_bytes;
  plan.open_files = spec.open_files;
  if (const auto failure = equipment_.equip(request_, plan, disk_.get());
      failure.error != 0)
    return failure;
  if (const auto error = hand_over_listener(); error != 0)
    return wire::start_failure{wire::start_stage::network, error};
  record_.started_unix_ms = unix_ms();
  auto child = start_child(plan, inside_);
  if (child.pid < 0)
    return child.failure;
  record_.pid = child.pid;
  tree_ = process_tree{child.pid,
                       (spec.mechanisms & wire::pid) != 0 ? &inside_ : nullptr,
                       equipment_.groups()};
  main_fd_ = std::move(child.pidfd);
  input_.open(std::move(in.write));
  output_.open(stream_id::out, std::move(out.read));
  output_.open(stream_id::err, std::move(err.read));
  return std::nullopt;
}

// The node has to have it before the job can connect; it is gone from here
// before there is a process that could get hold of it.
int job_run::hand_over_listener() {
  if ((request_.spec.mechanisms & wire::egress_proxy) == 0)
    return 0;
  const auto listener = equipment_.take_listener();
  const auto sent
    = send_frame(node_.socket(), wire::frame_type::egress_listening, {},
                 waiting::no, {listener.get()});
  return sent == send_result::sent          ? 0
         : sent == send_result::would_block ? EAGAIN
                                            : EPIPE;
}

void job_run::set_deadlines() {
  const auto& spec = request_.spec;
  const auto now = steady_ms();
  last_output_ms_ = now;
  wall_end_ = deadline_after(now, spec.wall_ms);
  input_end_ = deadline_after(now, spec.stdin_wait_ms);
  // Looked after by the kernel where there is a control group for it.
  const auto polled
    = spec.memory_bytes != 0 && (spec.mechanisms & wire::cgroup_memory) == 0;
  next_memory_look_ = polled ? now + first_look_ms : never;
  if (spec.disk_bytes == 0 || disk_)
    return;
  disk_look_.emplace(equipment_.shared().path_here(request_.session_dir));
  next_disk_look_ = now + first_look_ms;
}

} // namespace ocw::launcher
