#pragma once

#include "ocw/config.hpp"
#include "process/egress_door.hpp"
#include "process/launcher_client.hpp"
#include "process/session_directory.hpp"
#include "process/session_disk.hpp"
#include "process/session_machine.hpp"
#include "process/uid_pool.hpp"
#include "store/store_paths.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace ocw {

/// Runs sessions on this machine: directories and artifacts by file workers,
/// processes by the launcher's shims. Where sessions lie in memory, a step of
/// a few system calls is done by the caller: it waits for no disk, and two
/// changes of threads would take longer than the step. Removing trash has a
/// worker of its own, because that can be slow and nothing waits for it.
class local_machine final : public session_machine {
public:
  /// `egress` serves the jobs that have `egress_proxy`; null: none has.
  local_machine(std::shared_ptr<launcher_client> launcher,
                const config& settings, store_paths paths,
                egress_door* egress = nullptr);
  ~local_machine() override;

  /// Makes the base directory and takes away what an earlier run trashed.
  /// `ec::unavailable` says which directory cannot be used and why.
  caf::error open();

  void prepare(std::shared_ptr<const session_task> task,
               session_actor session) override;
  std::shared_ptr<running_process>
  start(std::shared_ptr<const session_task> task,
        session_actor session) override;
  void collect(std::shared_ptr<const session_task> task, const process_end& end,
               session_actor session) override;
  void destroy(std::shared_ptr<const session_task> task,
               session_actor session) override;
  void forget(const job_record& record) override;
  bool has_traces(const job_record& record) const override;
  output_digests digest(const job_record& record,
                        const process_end& end) const override;
  void sweep(const job_record& record) override;
  isolation_report isolation(const job_request& request,
                             const effective_limits& limits) const override;

private:
  collect_done collect_now(const session_task& task, const process_end& end);
  void destroy_now(const job_record& record, const session_actor& session);
  shim_events events_of(std::shared_ptr<const session_task> task,
                        const session_actor& session);
  session_hold hold_of(const session_task& task);
  std::function<std::shared_ptr<void>(unique_fd)>
  egress_of(const session_task& task) const;
  void fill(std::shared_ptr<const session_task> task, session_actor session);
  session_place place_of(const std::string& session_id);
  disk_handle take_disk(const std::string& session_id);
  void reap(std::string path);
  void keep_for_a_while(const std::string& id);

  std::shared_ptr<launcher_client> launcher_;
  session_config settings_;
  uint64_t cleanup_delay_ms_;
  store_paths paths_;
  egress_door* egress_;
  bool in_memory_ = false; ///< the base directory
  uid_pool uids_{first_job_uid};
  boost::asio::thread_pool workers_;
  boost::asio::thread_pool reaper_;
  std::mutex guard_;
  std::map<std::string, std::shared_ptr<boost::asio::steady_timer>> kept_;
  std::map<std::string, disk_handle> disks_; ///< of sessions that have one
};

} // namespace ocw
