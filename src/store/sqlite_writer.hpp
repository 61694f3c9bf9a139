#pragma once

#include "launcher/fd.hpp"
#include "store/job_table.hpp"
#include "store/sqlite_store.hpp"
#include "store/store_operations.hpp"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace ocw {

/// The thread that owns the database. It takes everything that is queued, runs
/// it as one transaction, and answers after the commit: the busier it is, the
/// more jobs share a sync of the disk. Nothing waits for company but updates.
///
/// When the database cannot be written, inserts are refused, and updates are
/// kept (the newest of each job) and tried again. Readers see them meanwhile.
class sqlite_writer {
public:
  /// `lock` is held as long as the writer lives.
  sqlite_writer(std::unique_ptr<job_table> table, launcher::unique_fd lock,
                sqlite_store_config config);

  /// Runs what is queued, then ends.
  ~sqlite_writer();
  sqlite_writer(const sqlite_writer&) = delete;
  sqlite_writer& operator=(const sqlite_writer&) = delete;

  void add(operation what);
  caf::error health() const;

private:
  using clock = std::chrono::steady_clock;
  using batch_type = std::vector<operation>;

  // -- the queue, from any thread -------------------------------------------

  bool take(batch_type& batch);
  std::optional<clock::time_point> due_locked() const;

  // -- the database, on the writer's thread ---------------------------------

  void work();
  void perform(batch_type& batch, bool is_last);
  caf::error run_all(batch_type& batch);
  caf::error run_guarded(batch_type& batch);
  void note_success();
  void note_failure(const caf::error& cause);
  void undo(batch_type& batch, const caf::error& cause, bool is_last);
  void read_all(batch_type& batch);
  void keep_updates(batch_type& batch);
  void finish_all(batch_type& batch);

  const std::unique_ptr<job_table> table_;
  const launcher::unique_fd lock_;
  const sqlite_store_config config_;

  mutable std::mutex guard_;
  std::condition_variable changed_;
  batch_type queue_;
  bool urgent_ = false; // something besides updates is queued
  bool stopping_ = false;
  clock::time_point oldest_; // when the queue was last empty
  caf::error trouble_;
  std::optional<clock::time_point> retry_at_; // set while there is trouble

  batch_type kept_;             // updates that could not be written
  unwritten_records unwritten_; // the same, by job
  clock::duration retry_delay_{};

  std::thread thread_; // last: it uses all of the above
};

} // namespace ocw
