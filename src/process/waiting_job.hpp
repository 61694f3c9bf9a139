#pragma once

#include "process/launcher_client.hpp"

#include <utility>

namespace ocw {

/// A job on its way to a shim, then the handle to it. What is asked of it
/// before it has a shim is remembered.
struct launcher_client::waiting_job final : running_process {
  std::mutex guard;
  std::shared_ptr<shim_link> shim; ///< null: still waiting
  bool done = false;
  bool stop_asked = false;
  input_queue fed;
  job_start what;
  shim_events events;

  void stop() override {
    const auto lock = std::lock_guard{guard};
    stop_asked = true;
    if (shim && !done)
      shim->stop();
  }

  feeding feed(std::string bytes, bool eof) override {
    const auto lock = std::lock_guard{guard};
    if (done)
      return feeding::closed;
    if (shim)
      return shim->feed(std::move(bytes), eof);
    return fed.push(std::move(bytes), eof) ? feeding::taken : feeding::full;
  }

  // The shim goes back to the pool when the job is over; from then on this
  // handle must not speak to it, it may run somebody else's.
  static shim_events watch(const std::shared_ptr<waiting_job>& job) {
    auto finished = [job] {
      const auto lock = std::lock_guard{job->guard};
      job->done = true;
      job->shim.reset();
    };
    auto told = std::move(job->events);
    auto over = shim_events{};
    over.output = std::move(told.output);
    over.egress = std::move(told.egress);
    over.refused = [finished, tell = std::move(told.refused)](auto refusal) {
      finished();
      tell(std::move(refusal));
    };
    over.ended = [finished, tell = std::move(told.ended)](auto end) {
      finished();
      tell(std::move(end));
    };
    return over;
  }

  static void give(const std::shared_ptr<waiting_job>& job,
                   std::shared_ptr<shim_link> to) {
    auto events = watch(job);
    const auto lock = std::lock_guard{job->guard};
    job->shim = std::move(to);
    job->shim->start(std::move(job->what), std::move(events),
                     std::exchange(job->fed, {}));
    if (job->stop_asked)
      job->shim->stop();
  }
};

} // namespace ocw
