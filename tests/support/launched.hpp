#pragma once

// Starts the real launcher and talks to its shims as the node does.

#include "launcher/clock.hpp"
#include "launcher/frames.hpp"
#include "launcher/spec.hpp"
#include "support/spool_copy.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace ocw::launcher::test {

using launcher::unique_fd;

inline constexpr int64_t patience_ms = 20000; // for what must happen

/// Waits for a condition, looking often. False when it did not come true.
inline bool eventually(const std::function<bool()>& holds,
                       int64_t ms = patience_ms) {
  const auto end = launcher::steady_ms() + ms;
  while (!holds()) {
    if (launcher::steady_ms() >= end)
      return false;
    ::poll(nullptr, 0, 1);
  }
  return true;
}

/// A directory that is removed again.
class temp_dir {
public:
  explicit temp_dir(const std::string& below = "/tmp") {
    auto path = below + "/ocw-launcher-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr)
      throw std::runtime_error("mkdtemp failed");
    path_ = path;
  }
  ~temp_dir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  temp_dir(const temp_dir&) = delete;
  temp_dir& operator=(const temp_dir&) = delete;
  const std::string& path() const { return path_; }

private:
  std::string path_;
};

/// What became of a job.
struct outcome {
  std::optional<wire::start_failure> failure;
  std::string failure_text;
  std::optional<wire::end_record> end;
  uint64_t noticed_cells = 0; ///< by the last `output`
};

/// The node's end of one shim's socket.
class shim_link {
public:
  shim_link(pid_t pid, unique_fd socket)
    : pid_(pid), socket_(std::move(socket)), reader_(socket_.get()) {}

  pid_t pid() const { return pid_; }
  int socket() const { return socket_.get(); }
  void close() { socket_.reset(); }

  bool send(wire::frame_type type, std::string_view payload = {}, int fd = -1) {
    return launcher::send_frame(socket_.get(), type, payload,
                                launcher::waiting::yes, {fd})
           == launcher::send_result::sent;
  }
  void start(const launcher::job_request& job, int fd = -1) {
    send(wire::frame_type::start_job, launcher::encode(job), fd);
  }
  void stop(wire::stop_cause cause = wire::stop_cause::cancelled,
            bool skip_grace = false) {
    const wire::stop_request ask{cause, static_cast<uint8_t>(skip_grace)};
    send(wire::frame_type::stop_job, launcher::bytes_of(ask));
  }

  /// The next frame; nothing after the deadline or when the shim is gone.
  std::optional<launcher::frame> receive(int64_t ms = patience_ms) {
    const auto end = launcher::steady_ms() + ms;
    launcher::frame next;
    for (;;) {
      const auto got = reader_.read(next, launcher::waiting::no);
      if (got == launcher::read_result::complete)
        return next;
      const auto left = end - launcher::steady_ms();
      if (got != launcher::read_result::again || left <= 0)
        return std::nullopt;
      pollfd fd{socket_.get(), POLLIN, 0};
      ::poll(&fd, 1, static_cast<int>(left));
    }
  }

  /// Reads frames until the job is over.
  outcome wait() {
    outcome result;
    while (auto next = receive()) {
      if (next->type == wire::frame_type::output) {
        wire::output_notice notice;
        std::memcpy(&notice, next->payload.data(), sizeof(notice));
        result.noticed_cells = notice.cells;
      } else if (next->type == wire::frame_type::start_failed) {
        std::memcpy(&result.failure.emplace(), next->payload.data(),
                    sizeof(wire::start_failure));
        result.failure_text = next->payload.substr(sizeof(wire::start_failure));
        return result;
      } else if (next->type == wire::frame_type::job_ended) {
        std::memcpy(&result.end.emplace(), next->payload.data(),
                    sizeof(wire::end_record));
        return result;
      }
    }
    return result;
  }

  outcome run(const launcher::job_request& job, int fd = -1) {
    start(job, fd);
    return wait();
  }

private:
  pid_t pid_;
  unique_fd socket_;
  launcher::frame_reader reader_;
};

/// The launcher's process; its control socket closes with this object.
class launched {
public:
  launched() {
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
      throw std::runtime_error("socketpair failed");
    control_.reset(fds[0]);
    unique_fd theirs{fds[1]};
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, theirs.get(), 0);
    std::string path = OCW_LAUNCHER;
    char* argv[] = {path.data(), nullptr};
    char* envp[] = {nullptr};
    const auto error
      = ::posix_spawn(&pid_, path.c_str(), &actions, nullptr, argv, envp);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0)
      throw std::runtime_error("cannot start the launcher");
  }
  ~launched() {
    if (pid_ > 0)
      end();
  }
  launched(const launched&) = delete;
  launched& operator=(const launched&) = delete;

  pid_t pid() const { return pid_; }
  int control() const { return control_.get(); }

  /// Closes the control socket and returns the launcher's wait status.
  int end() {
    control_.reset();
    int status = -1;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return status;
  }

  shim_link fork_shim() {
    launcher::send_frame(control_.get(), wire::frame_type::fork_shim, {},
                         launcher::waiting::yes);
    launcher::frame_reader reader{control_.get()};
    launcher::frame reply;
    wire::shim_forked_reply forked;
    if (reader.read(reply, launcher::waiting::yes)
          != launcher::read_result::complete
        || reply.payload.size() != sizeof(forked))
      throw std::runtime_error("the launcher did not answer");
    std::memcpy(&forked, reply.payload.data(), sizeof(forked));
    return {forked.pid, std::move(reply.fds[0])};
  }

private:
  unique_fd control_;
  pid_t pid_ = -1;
};

/// A unique environment entry, to find every process of a job again.
inline std::string new_mark() {
  static std::atomic<int> last{0};
  return "OCW_TEST_MARK=" + std::to_string(::getpid()) + "-"
         + std::to_string(++last) + "-";
}

/// `sh -c script` in `dir`, its spool in `dir/spool<n>`.
inline launcher::job_request shell(const temp_dir& dir, std::string script) {
  static std::atomic<int> last{0};
  launcher::job_request job;
  job.spool_prefix = dir.path() + "/spool" + std::to_string(++last);
  job.session_dir = dir.path();
  job.work_dir = dir.path();
  job.exec_path = "/bin/sh";
  job.argv = {"sh", "-c", std::move(script)};
  job.env = {"PATH=/usr/local/bin:/usr/bin:/bin", new_mark()};
  job.spec.kill_grace_ms = 300;
  return job;
}

/// A launcher with one shim, and a place for the job's files.
struct one_shim {
  temp_dir dir;
  launched node;
  shim_link shim = node.fork_shim();
};

/// Living processes that carry the job's mark.
inline size_t alive(const launcher::job_request& job) {
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") == std::string::npos)
      count += slurp(entry.path() / "environ").find(job.env.back())
                   != std::string::npos
                 ? 1
                 : 0;
  }
  return count;
}

/// Open descriptors of a process; nothing where that cannot be seen.
inline std::optional<size_t> open_fds(pid_t pid) {
  std::error_code error;
  std::filesystem::directory_iterator fds(
    "/proc/" + std::to_string(pid) + "/fd", error);
  if (error)
    return std::nullopt;
  return static_cast<size_t>(std::distance(begin(fds), end(fds)));
}

} // namespace ocw::launcher::test
