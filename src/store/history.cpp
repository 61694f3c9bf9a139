#include "store/history.hpp"

#include "ocw/errors.hpp"

#include <algorithm>
#include <utility>

namespace ocw {

namespace {

void describe_end(const job_record& record, job_event& event) {
  event.type = record.status == job_status::finished ? event_type::job_complete
                                                     : event_type::job_error;
  event.unix_ms = record.finished_unix_ms;
  event.status.reset();
  event.result = result_of(record);
}

} // namespace

// -- wake_ticket --------------------------------------------------------------

wake_ticket::wake_ticket(std::weak_ptr<history> owner, uint64_t number)
  : owner_(std::move(owner)), number_(number) {
}

wake_ticket::wake_ticket(wake_ticket&& other) noexcept
  : owner_(std::move(other.owner_)), number_(std::exchange(other.number_, 0)) {
}

wake_ticket& wake_ticket::operator=(wake_ticket&& other) noexcept {
  auto old = wake_ticket{std::move(*this)};
  owner_ = std::move(other.owner_);
  number_ = std::exchange(other.number_, 0);
  return *this;
}

wake_ticket::~wake_ticket() {
  if (number_ == 0)
    return;
  if (const auto owner = owner_.lock())
    owner->take_back(number_);
}

// -- writing ------------------------------------------------------------------

history::history(std::string job_id, std::string spool_prefix)
  : job_id_(std::move(job_id)), spool_(std::move(spool_prefix)) {
}

history::history(std::shared_ptr<const job_record> ended,
                 std::string spool_prefix)
  : job_id_(ended->job_id),
    spool_(std::move(spool_prefix)),
    cells_(ended->output_events),
    ended_(std::move(ended)) {
  for (const auto& mark : ended_->phases)
    phases_.push_back({mark, ended_->session_id, ended_->worker_id});
}

void history::reach(const job_record& record, phase_mark mark) {
  auto lock = std::unique_lock{guard_};
  if (ended_)
    return;
  phases_.push_back({mark, record.session_id, record.worker_id});
  wake_due(std::move(lock));
}

void history::output_grew(uint64_t cells) {
  auto lock = std::unique_lock{guard_};
  if (ended_ || cells <= cells_)
    return;
  cells_ = cells;
  wake_due(std::move(lock));
}

void history::end(std::shared_ptr<const job_record> record) {
  auto lock = std::unique_lock{guard_};
  if (ended_)
    return;
  ended_ = std::move(record);
  wake_due(std::move(lock));
}

// Takes out whoever waits for something that is there now, and calls them
// without the lock: they may well ask for the next thing at once.
void history::wake_due(std::unique_lock<std::mutex> lock) {
  const auto last = last_seq_locked();
  if (waiters_.empty() || (!ended_ && last < earliest_waited_))
    return;
  const auto due = std::stable_partition(
    waiters_.begin(), waiters_.end(),
    [&](const waiter& waiting) { return !ended_ && waiting.seq > last; });
  auto called = std::vector<waiter>{std::make_move_iterator(due),
                                    std::make_move_iterator(waiters_.end())};
  waiters_.erase(due, waiters_.end());
  earliest_waited_ = UINT64_MAX;
  for (const auto& waiting : waiters_)
    earliest_waited_ = std::min(earliest_waited_, waiting.seq);
  lock.unlock();
  for (auto& waiting : called)
    waiting.wake();
}

// -- reading ------------------------------------------------------------------

uint64_t history::prologue_locked() const {
  const auto first_late
    = std::find_if(phases_.begin(), phases_.end(), [](const auto& reached) {
        return reached.mark.reached >= phase::collect;
      });
  return static_cast<uint64_t>(first_late - phases_.begin());
}

uint64_t history::last_seq_locked() const {
  return phases_.size() + cells_ + (ended_ ? 1 : 0);
}

uint64_t history::last_seq() const {
  const auto lock = std::lock_guard{guard_};
  return last_seq_locked();
}

std::vector<phase_mark> history::phases() const {
  const auto lock = std::lock_guard{guard_};
  auto result = std::vector<phase_mark>{};
  for (const auto& reached : phases_)
    result.push_back(reached.mark);
  return result;
}

std::shared_ptr<const job_record> history::ended() const {
  const auto lock = std::lock_guard{guard_};
  return ended_;
}

caf::expected<bool> history::read(uint64_t seq, job_event& event) const {
  auto lock = std::unique_lock{guard_};
  if (seq == 0 || seq > last_seq_locked())
    return false;
  event.job_id = job_id_;
  event.seq = seq;
  const auto index = seq - 1;
  const auto prologue = prologue_locked();
  if (index >= prologue && index < prologue + cells_) {
    lock.unlock();
    return read_output(index - prologue, event);
  }
  event.output.reset();
  if (index == phases_.size() + cells_) {
    const auto record = ended_;
    lock.unlock();
    describe_end(*record, event);
  } else {
    const auto& reached = phases_[index < prologue ? index : index - cells_];
    event.type = event_type::job_status;
    event.unix_ms = reached.mark.unix_ms;
    event.result.reset();
    event.status = status_change{index == 0 ? "job_start" : "running",
                                 reached.mark.reached, reached.session_id,
                                 reached.worker_id};
  }
  return true;
}

caf::expected<bool> history::read_output(uint64_t cell_index,
                                         job_event& event) const {
  const auto cell = spool_.cell(cell_index);
  if (!cell)
    return code_of(cell.error()) == ec::not_found
             ? make_error(ec::internal, "the output index is cut short")
             : cell.error();
  event.type = event_type::job_output;
  event.unix_ms = cell->unix_ms;
  event.status.reset();
  event.result.reset();
  if (!event.output)
    event.output.emplace(); // else its buffer serves again
  auto& output = *event.output;
  output.stream = cell->stream == wire::stream_id::out ? output_stream::out
                                                       : output_stream::err;
  output.offset = cell->offset;
  output.truncated = cell->kind == wire::cell_kind::truncated;
  if (output.truncated) {
    output.chunk.clear();
    return true;
  }
  if (auto failed
      = spool_.read(cell->stream, cell->offset, cell->length, output.chunk))
    return failed;
  if (output.chunk.size() != cell->length)
    return make_error(ec::internal, "the output is shorter than its index");
  return true;
}

// -- waiting ------------------------------------------------------------------

wake_ticket history::wake_at(uint64_t seq, std::function<void()> wake) {
  return wait_for(seq, std::move(wake));
}

wake_ticket history::wake_at_end(std::function<void()> wake) {
  return wait_for(UINT64_MAX, std::move(wake));
}

wake_ticket history::wait_for(uint64_t seq, std::function<void()> wake) {
  auto lock = std::unique_lock{guard_};
  if (ended_ || seq <= last_seq_locked()) {
    lock.unlock();
    wake();
    return {};
  }
  const auto number = ++last_waiter_;
  waiters_.push_back({number, seq, std::move(wake)});
  earliest_waited_ = std::min(earliest_waited_, seq);
  return {weak_from_this(), number};
}

void history::take_back(uint64_t number) {
  auto dropped = std::function<void()>{}; // destroyed without the lock
  const auto lock = std::lock_guard{guard_};
  const auto found
    = std::find_if(waiters_.begin(), waiters_.end(),
                   [=](const waiter& w) { return w.number == number; });
  if (found == waiters_.end())
    return;
  dropped = std::move(found->wake);
  waiters_.erase(found);
}

} // namespace ocw
