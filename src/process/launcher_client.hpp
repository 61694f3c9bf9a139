#pragma once

#include "process/launcher_process.hpp"
#include "process/shim_link.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace ocw {

/// The node's side of the launcher: keeps shims, one per job that runs, and
/// uses them again. Starts the launcher anew when it goes away; shims that run
/// jobs are not touched by that.
class launcher_client : public std::enable_shared_from_this<launcher_client> {
public:
  /// Told, on the I/O thread, whenever jobs can no longer or can again start.
  using state_function = std::function<void(launcher_state)>;

  /// `setup` is what launchers that are started later prepare.
  launcher_client(boost::asio::io_context& io, std::string program,
                  launcher::setup_request setup, size_t idle_shims_kept);

  /// Takes a launcher that is running. Once, before any job.
  void adopt(launcher_process running);

  /// From now on `told` hears of changes.
  void on_state(state_function told);

  /// Starts a job on a shim: an idle one, or a new one as soon as it is
  /// there. Any thread. The handle does nothing after the job has ended.
  std::shared_ptr<running_process> start(job_start job, shim_events events);

  /// The mount of a new disk (`launcher::make_disk`), or none and an errno.
  using disk_function = std::function<void(unique_fd disk, int error)>;

  /// Has a session's disk made, by the launcher in charge or, after its loss,
  /// by the next one. `made` is called once, on the I/O thread. Any thread.
  void make_disk(const wire::disk_request& wanted, disk_function made);

  /// Kills the jobs that run, without a grace. Any thread.
  void kill_jobs();

  /// Lets go of the launcher and of every shim. Any thread.
  void close();

  /// What the launcher in charge holds jobs with.
  sandbox_report sandbox() const;

  /// The launcher's process id, -1 while there is none.
  pid_t pid() const;

private:
  struct waiting_job;

  struct question {
    wire::frame_type type;
    std::string payload;
  };
  struct waiting_disk {
    wire::disk_request wanted;
    disk_function made;
  };

  void ask_locked(wire::frame_type type, std::string_view payload = {});
  void send_unsent_locked();
  void ask_for_disk_locked(const wire::disk_request& wanted);
  void wait_readable_locked();
  void read_replies();
  void shim_forked(unique_fd socket, int error);
  void disk_made(unique_fd disk, int error);
  void shim_idle(const std::shared_ptr<shim_link>& shim, bool usable);
  void launcher_lost();
  void restart();

  boost::asio::io_context& io_;
  const std::string program_;
  launcher::setup_request setup_;
  const size_t idle_shims_kept_;
  mutable std::mutex guard_;
  boost::asio::posix::stream_descriptor socket_;
  boost::asio::steady_timer retry_;
  pid_t pid_ = -1;
  sandbox_report sandbox_;
  uint32_t restarts_ = 0;
  bool closed_ = false;
  uint32_t quick_deaths_ = 0;
  std::chrono::steady_clock::time_point started_;
  std::vector<std::shared_ptr<shim_link>> idle_;
  std::vector<std::weak_ptr<shim_link>> shims_; ///< all of them
  std::deque<std::shared_ptr<waiting_job>> waiting_;
  std::deque<question> unsent_;    ///< that the socket had no room for
  std::deque<waiting_disk> disks_; ///< asked for, in the order of the answers
  state_function told_;
};

} // namespace ocw
