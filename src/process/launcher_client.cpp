#include "process/launcher_client.hpp"

#include "messages/log.hpp"
#include "ocw/errors.hpp"
#include "process/waiting_job.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ocw {

namespace asio = boost::asio;
using stream_descriptor = asio::posix::stream_descriptor;

launcher_client::launcher_client(asio::io_context& io, std::string program,
                                 launcher::setup_request setup,
                                 size_t idle_shims_kept)
  : io_(io),
    program_(std::move(program)),
    setup_(std::move(setup)),
    idle_shims_kept_(idle_shims_kept),
    socket_(io),
    retry_(io) {
}

void launcher_client::adopt(launcher_process running) {
  const auto lock = std::lock_guard{guard_};
  pid_ = running.pid;
  sandbox_ = std::move(running.sandbox);
  started_ = std::chrono::steady_clock::now();
  socket_.assign(running.socket.release());
  wait_readable_locked();
  unsent_.clear();
  for (auto i = size_t{0}; i < waiting_.size(); ++i)
    ask_locked(wire::frame_type::fork_shim);
  for (const auto& disk : disks_)
    ask_for_disk_locked(disk.wanted);
}

void launcher_client::on_state(state_function told) {
  const auto lock = std::lock_guard{guard_};
  told_ = std::move(told);
}

sandbox_report launcher_client::sandbox() const {
  const auto lock = std::lock_guard{guard_};
  return sandbox_;
}

pid_t launcher_client::pid() const {
  const auto lock = std::lock_guard{guard_};
  return pid_;
}

// -- jobs and shims -----------------------------------------------------------

std::shared_ptr<running_process> launcher_client::start(job_start what,
                                                        shim_events events) {
  auto job = std::make_shared<waiting_job>();
  job->what = std::move(what);
  job->events = std::move(events);
  auto lock = std::unique_lock{guard_};
  // One that was just killed may not have been taken out yet.
  while (!idle_.empty() && !idle_.back()->is_there())
    idle_.pop_back();
  if (idle_.empty()) {
    waiting_.push_back(job);
    ask_locked(wire::frame_type::fork_shim);
    return job;
  }
  auto shim = std::move(idle_.back());
  idle_.pop_back();
  lock.unlock();
  waiting_job::give(job, std::move(shim));
  return job;
}

void launcher_client::shim_idle(const std::shared_ptr<shim_link>& shim,
                                bool usable) {
  auto lock = std::unique_lock{guard_};
  if (!usable) {
    std::erase(idle_, shim);
    return;
  }
  if (closed_ || (waiting_.empty() && idle_.size() >= idle_shims_kept_)) {
    lock.unlock();
    return shim->close();
  }
  if (waiting_.empty()) {
    idle_.push_back(shim);
    return;
  }
  auto job = std::move(waiting_.front());
  waiting_.pop_front();
  lock.unlock();
  waiting_job::give(job, shim);
}

void launcher_client::shim_forked(unique_fd socket, int error) {
  if (!socket) {
    log::error("shim.fork", {}, "the launcher cannot fork: {}",
               std::strerror(error));
    auto lock = std::unique_lock{guard_};
    if (waiting_.empty())
      return;
    auto job = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    job->events.refused(start_refused{"making its process", error, false});
    return;
  }
  auto shim = std::make_shared<shim_link>(
    io_, std::move(socket),
    [weak = weak_from_this()](const auto& link, bool usable) {
      if (const auto self = weak.lock())
        self->shim_idle(link, usable);
      else
        link->close();
    });
  {
    const auto lock = std::lock_guard{guard_};
    std::erase_if(shims_, [](const auto& each) { return each.expired(); });
    shims_.push_back(shim);
  }
  shim->listen();
  shim_idle(shim, true);
}

void launcher_client::kill_jobs() {
  const auto lock = std::lock_guard{guard_};
  for (const auto& each : shims_)
    if (const auto shim = each.lock())
      shim->stop(true);
}

// -- when the launcher goes away ----------------------------------------------

void launcher_client::launcher_lost() {
  auto lock = std::unique_lock{guard_};
  if (closed_)
    return;
  auto ignored = boost::system::error_code{};
  socket_.close(ignored);
  const auto lived = std::chrono::steady_clock::now() - started_;
  quick_deaths_ = lived < std::chrono::seconds{5} ? quick_deaths_ + 1 : 0;
  reap_launcher(io_, std::exchange(pid_, -1));
  retry_.expires_after(std::chrono::milliseconds{
    quick_deaths_ == 0 ? 0 : 100u << std::min(quick_deaths_, 6u)});
  retry_.async_wait(
    [weak = weak_from_this()](boost::system::error_code failed) {
      const auto self = weak.lock();
      if (self && !failed)
        self->restart();
    });
  auto tell = told_;
  lock.unlock();
  log::warn("launcher.lost", {}, "starting it again");
  if (tell)
    tell({false, "the launcher went away and is being started again"});
}

void launcher_client::restart() {
  // The jobs of the last one may still run in the groups it made.
  auto setup = setup_;
  setup.group_name += "-" + std::to_string(++restarts_);
  auto fresh = start_launcher(program_, setup);
  if (!fresh) {
    log::error("launcher.start", {}, "{}", sentence_of(fresh.error()));
    return launcher_lost();
  }
  adopt(std::move(*fresh));
  auto lock = std::unique_lock{guard_};
  auto tell = told_;
  lock.unlock();
  if (tell)
    tell({true, {}});
}

void launcher_client::close() {
  auto lock = std::unique_lock{guard_};
  if (std::exchange(closed_, true))
    return;
  auto ignored = boost::system::error_code{};
  socket_.close(ignored);
  retry_.cancel();
  auto shims = std::exchange(idle_, {});
  auto disks = std::exchange(disks_, {});
  lock.unlock();
  for (const auto& disk : disks)
    disk.made({}, ECANCELED);
  const auto launcher = std::exchange(pid_, -1);
  for (const auto& shim : shims)
    shim->close();
  wait_for_launcher(launcher);
}

} // namespace ocw
