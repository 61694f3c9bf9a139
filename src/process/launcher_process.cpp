#include "process/launcher_process.hpp"

#include "launcher/frames.hpp"
#include "ocw/errors.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/process/v2/pid.hpp>
#include <boost/process/v2/posix/vfork_launcher.hpp>
#include <boost/process/v2/process.hpp>
#include <boost/process/v2/stdio.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <vector>

namespace ocw {

namespace bp = boost::process::v2;

namespace {

caf::expected<sandbox_report> set_up(int socket,
                                     const launcher::setup_request& request) {
  const auto sent
    = launcher::send_frame(socket, wire::frame_type::set_up,
                           launcher::encode(request), launcher::waiting::yes);
  auto reader = launcher::frame_reader{socket};
  auto reply = launcher::frame{};
  if (sent != launcher::send_result::sent
      || reader.read(reply, launcher::waiting::yes)
           != launcher::read_result::complete
      || reply.type != wire::frame_type::set_up_done)
    return make_error(ec::launch_failed,
                      "the launcher ended while it set up isolation; its "
                      "standard error says why");
  return read_report(reply.payload);
}

unique_fd pidfd_of(pid_t process) {
  return unique_fd{static_cast<int>(::syscall(SYS_pidfd_open, process, 0))};
}

} // namespace

caf::expected<launcher_process>
start_launcher(const std::string& program,
               const launcher::setup_request& request) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return make_error(ec::launch_failed,
                      "cannot make a socket for the launcher");
  auto ours = unique_fd{ends[0]};
  auto theirs = unique_fd{ends[1]};
  auto io = boost::asio::io_context{};
  auto failed = boost::system::error_code{};
  // The vfork launcher: the default one leaks descriptors into the child.
  auto child = bp::posix::vfork_launcher{}(
    io.get_executor(), failed, program, std::vector<std::string>{},
    bp::process_stdio{.in = theirs.get(), .out = nullptr, .err = {}});
  if (failed)
    return make_error(ec::launch_failed, "cannot start the launcher '" + program
                                           + "': " + failed.message());
  const auto pid = child.id();
  child.detach();
  theirs.reset();
  auto report = set_up(ours.get(), request);
  if (!report)
    return std::move(report.error());
  report->wanted = request.fixed.wanted;
  ::fcntl(ours.get(), F_SETFL, O_NONBLOCK);
  return launcher_process{pid, std::move(ours), std::move(*report)};
}

void wait_for_launcher(pid_t launcher) {
  constexpr auto patience_ms = 500;
  if (launcher <= 0)
    return;
  const auto handle = pidfd_of(launcher);
  auto ended = pollfd{handle.get(), POLLIN, 0};
  if (handle && ::poll(&ended, 1, patience_ms) == 1)
    ::waitpid(launcher, nullptr, WNOHANG);
}

void reap_launcher(boost::asio::io_context& io, pid_t launcher) {
  using boost::asio::posix::stream_descriptor;
  if (launcher <= 0)
    return;
  auto handle = pidfd_of(launcher);
  if (!handle)
    return;
  auto ended = std::make_shared<stream_descriptor>(io, handle.release());
  auto take_in = [ended, launcher](boost::system::error_code failed) {
    if (!failed)
      ::waitpid(launcher, nullptr, WNOHANG);
  };
  ended->async_wait(stream_descriptor::wait_read, std::move(take_in));
}

caf::expected<std::string> find_launcher() {
  auto failed = std::error_code{};
  const auto self = std::filesystem::read_symlink("/proc/self/exe", failed);
  const auto directory = self.parent_path();
  for (const auto& candidate : {directory / "opencode-worker-launcher",
                                directory / ".." / "libexec" / "opencode-worker"
                                  / "opencode-worker-launcher"}) {
    if (!failed && ::access(candidate.c_str(), X_OK) == 0)
      return std::filesystem::weakly_canonical(candidate, failed).string();
  }
  return make_error(ec::launch_failed,
                    "the program opencode-worker-launcher is not beside "
                    "opencode-worker, nor in ../libexec/opencode-worker; "
                    "install both");
}

} // namespace ocw
