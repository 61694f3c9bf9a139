#include "launcher/launcher.hpp"

#include "launcher/frames.hpp"
#include "launcher/sandbox.hpp"
#include "launcher/session_disk.hpp"
#include "launcher/shim.hpp"
#include "launcher/shim_census.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

namespace ocw::launcher {
namespace {

// What shims and jobs inherit is decided here, once.
void prepare() {
  ::prctl(PR_SET_NAME, "ocw-launcher");
  // The environment may hold the node's tokens; jobs can run as the same user.
  ::prctl(PR_SET_DUMPABLE, 0);
  ::setsid(); // a key pressed at the node's terminal is the node's business
  for (int signal = 1; signal < NSIG; ++signal)
    ::signal(signal, SIG_DFL);
  // TERM, which a stopping system sends to every process, is for the node: this
  // one ends with it.
  for (const auto signal : {SIGPIPE, SIGXFSZ, SIGINT, SIGHUP, SIGQUIT, SIGTERM})
    ::signal(signal, SIG_IGN);
  // What a killed shim leaves becomes this process's; see shim_census.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  ::sigprocmask(SIG_SETMASK, &child, nullptr);
  // Standard streams that are closed would be taken by sockets.
  while (true) {
    unique_fd fd{::open("/dev/null", O_RDWR)};
    if (fd.get() > 2 || !fd)
      break;
    fd.release();
  }
  ::close_range(3, ~0u, 0);
}

// Whoever reads what the node writes must not wait for what outlives the node.
bool let_go_of_output(int null) {
  return ::dup2(null, STDOUT_FILENO) >= 0 && ::dup2(null, STDERR_FILENO) >= 0;
}

// In the new process: lets go of the launcher's side and works until the end.
[[noreturn]] void live_as_shim(unique_fd ours, int child_ended,
                               const sandbox& shared) {
  ::close(child_ended);
  {
    unique_fd null{::open("/dev/null", O_RDWR | O_CLOEXEC)};
    if (!null || ::dup2(null.get(), 0) != 0 // where the control socket was
        || !let_go_of_output(null.get()))
      ::_exit(1);
  }
  ::_exit(run_shim(ours.get(), shared));
}

// What a launcher has, besides the node.
struct launcher_parts {
  int control;
  unique_fd child_ended;
  shim_census shims;
  sandbox shared;
  bool is_set_up = false;
};

// Returns false when the node is gone.
bool fork_shim(launcher_parts& parts) {
  wire::shim_forked_reply reply;
  int fds[2] = {-1, -1};
  const auto made
    = ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0;
  unique_fd theirs{fds[0]};
  unique_fd ours{fds[1]};
  // TERM is ignored here and handled there: one that comes in between waits.
  sigset_t term;
  sigset_t before;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &term, &before);
  if (made)
    reply.pid = ::fork();
  if (made && reply.pid == 0) {
    theirs.reset();
    live_as_shim(std::move(ours), parts.child_ended.get(), parts.shared);
  }
  if (reply.pid < 0)
    reply.error = errno;
  else
    parts.shims.add(reply.pid);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  const auto fd = reply.pid > 0 ? theirs.get() : -1;
  return send_frame(parts.control, wire::frame_type::shim_forked,
                    bytes_of(reply), waiting::yes, {fd})
         == send_result::sent;
}

// Returns false when the node is gone.
bool serve_make_disk(launcher_parts& parts, const wire::disk_request& wanted) {
  wire::disk_made_reply reply;
  errno = EOPNOTSUPP;
  const auto disk
    = parts.shared.has(wire::disk_tmpfs) ? make_disk(wanted) : unique_fd{};
  reply.error = disk ? 0 : errno;
  return send_frame(parts.control, wire::frame_type::disk_made, bytes_of(reply),
                    waiting::yes, {disk.get()})
         == send_result::sent;
}

// What a killed shim's job still had in its control groups goes with it.
void clear_groups(launcher_parts& parts) {
  for (const auto shim : parts.shims.take_lost())
    if (auto* tree = parts.shared.cgroups.get())
      if (const auto groups = tree->make(static_cast<uint64_t>(shim)))
        groups->kill_all();
}

// Waits for a word of the node or the end of a child. True: the node.
bool wait_for_node(launcher_parts& parts) {
  const auto child_ended = parts.child_ended.get();
  pollfd ready[2] = {{parts.control, POLLIN, 0}, {child_ended, POLLIN, 0}};
  if (::poll(ready, 2, -1) < 0)
    return false;
  if ((ready[1].revents & POLLIN) != 0) {
    signalfd_siginfo news;
    while (::read(child_ended, &news, sizeof(news)) > 0) {
      // several ends may have become one signal
    }
    parts.shims.settle();
    clear_groups(parts);
  }
  return ready[0].revents != 0;
}

// The node is gone, and idle shims with it; those with jobs end them first.
// Somebody has to be there for them: not every machine's process 1 cleans up.
int wait_for_shims(launcher_parts& parts) {
  if (unique_fd null{::open("/dev/null", O_RDWR | O_CLOEXEC)}; null)
    let_go_of_output(null.get());
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  const timespec a_while{1, 0}; // in case an end was seen before
  while (parts.shims.settle())
    ::sigtimedwait(&child, nullptr, &a_while);
  clear_groups(parts);
  return 0;
}

// Returns false when the request makes no sense or cannot be met.
bool serve_set_up(launcher_parts& parts, const frame& message) {
  setup_request request;
  if (parts.is_set_up || !decode(message.payload, request).empty())
    return false;
  parts.is_set_up = true;
  if (const auto failed = set_up(request, parts.shared); !failed.empty()) {
    std::fprintf(stderr, "launcher: %s\n", failed.c_str());
    return false;
  }
  return send_frame(parts.control, wire::frame_type::set_up_done,
                    encode_report(parts.shared), waiting::yes)
         == send_result::sent;
}

enum class served : uint8_t { yes, node_gone, senseless };

// What the node asks for once it has been told what there is.
served serve(launcher_parts& parts, const frame& message) {
  auto sent = false;
  wire::disk_request disk;
  if (message.type == wire::frame_type::fork_shim && message.payload.empty()) {
    sent = fork_shim(parts);
  } else if (message.type == wire::frame_type::make_disk
             && message.payload.size() == sizeof(disk)) {
    std::memcpy(&disk, message.payload.data(), sizeof(disk));
    sent = serve_make_disk(parts, disk);
  } else {
    return served::senseless;
  }
  return sent ? served::yes : served::node_gone;
}

} // namespace

int run_launcher(int control) {
  prepare();
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  launcher_parts parts{
    control,
    unique_fd{::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK)},
    {},
    {}};
  frame_reader node{control};
  frame message;
  for (;;) {
    if (!wait_for_node(parts))
      continue;
    const auto result = node.read(message, waiting::yes);
    if (result == read_result::closed)
      return wait_for_shims(parts);
    const auto complete = result == read_result::complete;
    if (complete && message.type == wire::frame_type::set_up
        && serve_set_up(parts, message))
      continue;
    const auto answered = complete ? serve(parts, message) : served::senseless;
    if (answered == served::senseless) {
      std::fputs("launcher: the node sent a frame that makes no sense\n",
                 stderr);
      return 1;
    }
    if (answered == served::node_gone)
      return wait_for_shims(parts);
  }
}

} // namespace ocw::launcher
