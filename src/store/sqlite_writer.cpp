#include "store/sqlite_writer.hpp"

#include "messages/log.hpp"
#include "ocw/errors.hpp"

#include <pthread.h>

#include <algorithm>
#include <exception>
#include <iterator>
#include <utility>

namespace ocw {

namespace {

// So many operations are written without waiting for more.
constexpr size_t full_batch = 256;

bool is_write(const operation& what) {
  return writes(what);
}

} // namespace

sqlite_writer::sqlite_writer(std::unique_ptr<job_table> table,
                             launcher::unique_fd lock,
                             sqlite_store_config config)
  : table_(std::move(table)),
    lock_(std::move(lock)),
    config_(std::move(config)),
    retry_delay_(config_.first_retry),
    thread_([this] { work(); }) {
}

sqlite_writer::~sqlite_writer() {
  {
    const auto lock = std::lock_guard{guard_};
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

// -- the queue ----------------------------------------------------------------

void sqlite_writer::add(operation what) {
  const auto is_update = std::holds_alternative<update_operation>(what);
  auto wakes = false;
  {
    const auto lock = std::lock_guard{guard_};
    if (queue_.empty())
      oldest_ = clock::now();
    queue_.push_back(std::move(what));
    // The thread waits for something urgent, for a full batch or, from the
    // first update on, for a while; what changes none of these need not wake
    // it.
    wakes = queue_.size() == 1 || queue_.size() == full_batch
            || (!is_update && !urgent_);
    urgent_ = urgent_ || !is_update;
  }
  if (wakes)
    changed_.notify_one();
}

caf::error sqlite_writer::health() const {
  const auto lock = std::lock_guard{guard_};
  return trouble_;
}

// When to act though nobody urges; never, if nothing waits.
std::optional<sqlite_writer::clock::time_point>
sqlite_writer::due_locked() const {
  if (retry_at_)
    return retry_at_;
  if (queue_.empty())
    return std::nullopt;
  return oldest_ + config_.update_linger;
}

// Waits for work. False, perhaps with a last batch, when it is time to end.
bool sqlite_writer::take(batch_type& batch) {
  auto lock = std::unique_lock{guard_};
  while (!stopping_ && !urgent_ && queue_.size() < full_batch) {
    const auto due = due_locked();
    if (!due)
      changed_.wait(lock);
    else if (changed_.wait_until(lock, *due) == std::cv_status::timeout)
      break;
  }
  batch.swap(queue_);
  urgent_ = false;
  return !stopping_ || !batch.empty();
}

// -- the database -------------------------------------------------------------

void sqlite_writer::work() {
  ::pthread_setname_np(::pthread_self(), "ocw-store");
  auto batch = batch_type{};
  while (take(batch)) {
    perform(batch, false);
    batch.clear();
  }
  perform(batch, true);
}

// Runs what was kept from before, and then the batch. While there is trouble,
// readers are not made to wait for another try.
void sqlite_writer::perform(batch_type& batch, bool is_last) {
  if (!is_last && retry_at_ && clock::now() < *retry_at_
      && std::none_of(batch.begin(), batch.end(), is_write)) {
    read_all(batch);
    return finish_all(batch);
  }
  batch.insert(batch.begin(), std::make_move_iterator(kept_.begin()),
               std::make_move_iterator(kept_.end()));
  kept_.clear();
  unwritten_.clear();
  mark_superseded(batch);
  if (const auto failed = run_guarded(batch)) {
    note_failure(failed);
    undo(batch, failed, is_last);
  }
  finish_all(batch);
}

// Libraries may throw, if only for want of memory; the thread must go on.
caf::error sqlite_writer::run_guarded(batch_type& batch) {
  try {
    return run_all(batch);
  } catch (const std::exception& problem) {
    return make_error(ec::unavailable,
                      std::string{"the job store cannot write: "}
                        + problem.what());
  }
}

caf::error sqlite_writer::run_all(batch_type& batch) {
  const auto in_trouble = retry_at_.has_value();
  const auto any_write
    = in_trouble || std::any_of(batch.begin(), batch.end(), is_write);
  if (any_write)
    if (auto failed = table_->begin())
      return failed;
  for (auto& what : batch)
    if (auto failed = run(what, *table_, unwritten_))
      return failed;
  if (!any_write)
    return {};
  // Not every batch has something to write, but this tells.
  if (in_trouble)
    if (auto failed = table_->try_writing())
      return failed;
  if (auto failed = table_->commit())
    return failed;
  note_success();
  return {};
}

void sqlite_writer::note_success() {
  if (!retry_at_)
    return;
  log::info("store.recovered", {}, "the job store can be written again");
  retry_delay_ = config_.first_retry;
  const auto lock = std::lock_guard{guard_};
  retry_at_.reset();
  trouble_ = {};
}

void sqlite_writer::note_failure(const caf::error& cause) {
  if (!retry_at_)
    log::error("store.failed", {}, "{}; trying again", sentence_of(cause));
  const auto lock = std::lock_guard{guard_};
  retry_at_ = clock::now() + retry_delay_;
  retry_delay_
    = std::min<clock::duration>(2 * retry_delay_, config_.longest_retry);
  trouble_ = cause;
}

// Nothing of the batch was written.
void sqlite_writer::undo(batch_type& batch, const caf::error& cause,
                         bool is_last) {
  table_->roll_back();
  if (!is_last)
    keep_updates(batch);
  for (auto& what : batch)
    if (writes(what))
      refuse(what, cause);
  read_all(batch);
  const auto lost = std::count_if(batch.begin(), batch.end(), is_write);
  if (is_last && lost > 0)
    log::error("store.lost", {}, "{} changes were not written: {}", lost,
               sentence_of(cause));
}

void sqlite_writer::read_all(batch_type& batch) {
  for (auto& what : batch) {
    if (writes(what))
      continue;
    try {
      static_cast<void>(run(what, *table_, unwritten_));
    } catch (const std::exception& problem) {
      refuse(what, make_error(ec::unavailable,
                              std::string{"the job store cannot read: "}
                                + problem.what()));
    }
  }
}

// Moves the updates of a batch into `kept_`. A superseded one only matters to
// whoever waits for it.
void sqlite_writer::keep_updates(batch_type& batch) {
  auto rest = batch_type{};
  for (auto& what : batch) {
    const auto* update = std::get_if<update_operation>(&what);
    if (update == nullptr) {
      rest.push_back(std::move(what));
      continue;
    }
    if (update->superseded && !update->done)
      continue;
    unwritten_[update->job_id()] = update->record;
    kept_.push_back(std::move(what));
  }
  batch = std::move(rest);
}

void sqlite_writer::finish_all(batch_type& batch) {
  for (auto& what : batch) {
    try {
      finish(what);
    } catch (const std::exception& problem) {
      log::error("store.answer_lost", {}, "{}", problem.what());
    }
  }
}

} // namespace ocw
