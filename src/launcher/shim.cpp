#include "launcher/shim.hpp"

#include "launcher/job_run.hpp"

#include <sys/prctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <csignal>
#include <cstring>

// How it works
//
//   node ──fd 0──▶ launcher ──fork──▶ shim ──clone──▶ main process ──▶ …
//     └────────────one socket per shim────┘
//
// The launcher only forks. It is small and has one thread, so forking is cheap
// and safe, whatever the node is. It hands the node one end of a socket and
// forgets the shim: a launcher that is killed or replaced touches no job.
//
// A shim runs one job at a time and is used again. It owns everything of the
// job: it starts the main process, reads its output into the spool, feeds its
// input, holds the limits of time, output and memory, and stops it. It is a
// child subreaper: every process the job leaves behind becomes its child, so
// "no child left" means "nothing of the job left". Its one loop is in job_run.
//
// The spool is the truth, the socket only a hint: the shim waits for the node
// in two places, while idle and to say `job_ended`, and never while a job runs.
// The node says what to do and may go away at any time; then the job is stopped
// like by any other cause, its end record is written, and the shim ends.
//
// TERM, which a stopping system sends to every process, is taken for the end of
// the node: the shim ends in the same order, and its job's record is written.
//
// Descriptors: 0 to 2 are /dev/null, 3 is the socket. Everything
// else belongs to the job at hand and is closed with it. All but 0 to 2 are
// close-on-exec, so the job sees nothing of this.

namespace ocw::launcher {
namespace {

struct reply {
  wire::frame_type type = wire::frame_type::start_failed;
  std::string payload;
  bool last = false; // the shim is of no more use after it
};

reply refuse(wire::start_failure failure, std::string_view detail) {
  auto payload = std::string{bytes_of(failure)};
  payload += detail;
  return {wire::frame_type::start_failed, std::move(payload), false};
}

// Those the job is to have; others are closed with the frame. Returns what is
// wrong.
std::string_view take_files(const wire::job_spec& spec, frame_fds& came,
                            job_files& given) {
  auto next = came.begin();
  if (spec.input == wire::stdin_mode::file)
    given.input = std::move(*next++);
  if ((spec.mechanisms & wire::disk_tmpfs) != 0)
    given.disk = std::move(*next);
  if (spec.input == wire::stdin_mode::file && !given.input)
    return "no descriptor came for the standard input";
  if ((spec.mechanisms & wire::disk_tmpfs) != 0 && !given.disk)
    return "no descriptor came for the session's disk";
  return {};
}

// Everything of the job is closed when this returns, so the node can remove its
// files as soon as it hears the reply.
reply run_job(frame message, frame_reader& node, read_buffer& buffer,
              shim_sandbox& equipment) {
  job_request request;
  job_files given;
  auto wrong = decode(message.payload, request);
  if (wrong.empty())
    wrong = take_files(request.spec, message.fds, given);
  if (!wrong.empty())
    return refuse({wire::start_stage::decode, EINVAL}, wrong);
  message = {};
  job_run job{std::move(request), node, buffer, equipment};
  if (const auto failure = job.start(std::move(given)))
    return refuse(*failure, ::strerror(failure->error));
  const auto record = job.finish();
  return {wire::frame_type::job_ended, std::string{bytes_of(record)},
          !job.node_open() || record.survivors > 0};
}

int node_socket = -1;

// What the node says from here on is not heard; the job's end still reaches it.
extern "C" void part_from_node(int) {
  const auto kept = errno;
  ::shutdown(node_socket, SHUT_RD);
  errno = kept;
}

void become_shim(int socket) {
  ::prctl(PR_SET_NAME, "ocw-shim");
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  // SIGCHLD is waited for, never handled.
  ::signal(SIGCHLD, SIG_DFL);
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &child, nullptr);
  node_socket = socket;
  struct sigaction on_term = {};
  on_term.sa_handler = &part_from_node;
  on_term.sa_flags = SA_RESTART;
  ::sigaction(SIGTERM, &on_term, nullptr);
  sigset_t term;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  ::sigprocmask(SIG_UNBLOCK, &term, nullptr);
}

} // namespace

int run_shim(int socket, const sandbox& shared) {
  become_shim(socket);
  shim_sandbox equipment{shared};
  frame_reader node{socket};
  read_buffer buffer;
  frame message;
  for (;;) {
    const auto result = node.read(message, waiting::yes);
    if (result == read_result::closed)
      return 0;
    if (result != read_result::complete)
      return 1;
    switch (message.type) {
    case wire::frame_type::start_job: {
      const auto answer = run_job(std::move(message), node, buffer, equipment);
      const auto sent
        = send_frame(socket, answer.type, answer.payload, waiting::yes);
      if (answer.last || sent != send_result::sent)
        return 0;
      equipment.restock(shared.mechanisms); // off the path of any job
      break;
    }
    // These can cross with the end of the job they were meant for.
    case wire::frame_type::stop_job:
    case wire::frame_type::write_stdin:
    case wire::frame_type::close_stdin:
      break;
    default:
      return 1;
    }
    message = {};
  }
}

} // namespace ocw::launcher
