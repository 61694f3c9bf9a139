#include "process/launcher_process.hpp"

#include "ocw/errors.hpp"

#include <boost/asio/io_context.hpp>
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
#include <vector>

namespace ocw {

namespace bp = boost::process::v2;

caf::expected<launcher_process> start_launcher(const std::string& program) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return make_error(ec::launch_failed,
                      "cannot make a socket for the launcher");
  auto ours = unique_fd{ends[0]};
  auto theirs = unique_fd{ends[1]};
  ::fcntl(ours.get(), F_SETFL, O_NONBLOCK);
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
  return launcher_process{pid, std::move(ours)};
}

void wait_for_launcher(pid_t launcher) {
  constexpr auto patience_ms = 500;
  if (launcher <= 0)
    return;
  const auto handle
    = unique_fd{static_cast<int>(::syscall(SYS_pidfd_open, launcher, 0))};
  auto ended = pollfd{handle.get(), POLLIN, 0};
  if (handle && ::poll(&ended, 1, patience_ms) == 1)
    ::waitpid(launcher, nullptr, WNOHANG);
}

std::string find_launcher() {
  auto failed = std::error_code{};
  const auto self = std::filesystem::read_symlink("/proc/self/exe", failed);
  if (failed)
    return {};
  const auto directory = self.parent_path();
  for (const auto& candidate : {directory / "opencode-worker-launcher",
                                directory / ".." / "libexec" / "opencode-worker"
                                  / "opencode-worker-launcher"}) {
    if (::access(candidate.c_str(), X_OK) == 0)
      return std::filesystem::weakly_canonical(candidate, failed).string();
  }
  return {};
}

} // namespace ocw
