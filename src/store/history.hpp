#pragma once

#include "ocw/messages/job.hpp"
#include "ocw/messages/output.hpp"
#include "store/spool_reader.hpp"

#include <caf/expected.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace ocw {

class history;

/// Keeps a waiter registered. Destroying it takes the waiter back; if its
/// function is running on another thread right then, it may still finish.
class wake_ticket {
public:
  wake_ticket() = default;
  wake_ticket(std::weak_ptr<history> owner, uint64_t number);
  wake_ticket(wake_ticket&& other) noexcept;
  wake_ticket& operator=(wake_ticket&& other) noexcept;
  ~wake_ticket();

private:
  std::weak_ptr<history> owner_;
  uint64_t number_ = 0;
};

/// One job's append-only history, which every follower reads at its own pace:
///
///     phases up to EXECUTE · output, one event per index cell ·
///     phases from COLLECT · the terminal event
///
/// Events are numbered from 1 in that order, without gaps. Nothing is kept in
/// memory but the phases and the count of output cells; the bytes stay in the
/// spool, so a slow follower costs a number. Thread-safe: the session and its
/// shim link write, any thread reads.
class history : public std::enable_shared_from_this<history> {
public:
  /// The history of a job that has not started.
  history(std::string job_id, std::string spool_prefix);

  /// The history of a job that has ended.
  history(std::shared_ptr<const job_record> ended, std::string spool_prefix);

  // -- writing ----------------------------------------------------------------

  /// Adds a phase. `record` names the session and the worker. Phases come in
  /// their order; output does not grow after COLLECT or DESTROY was reached.
  void reach(const job_record& record, phase_mark mark);

  /// Tells how many index cells there are now. Never goes back.
  void output_grew(uint64_t cells);

  /// Adds the terminal event. Nothing comes after it; later calls are ignored.
  void end(std::shared_ptr<const job_record> record);

  // -- reading ----------------------------------------------------------------

  const std::string& job_id() const { return job_id_; }

  /// The number of the newest event; 0 = none yet.
  uint64_t last_seq() const;

  /// The phases reached so far, in order.
  std::vector<phase_mark> phases() const;

  /// The final record, or null while the job goes on.
  std::shared_ptr<const job_record> ended() const;

  /// Puts event `seq` into `event`, whose buffers are reused. False when it
  /// has not happened yet. An error when the spool is damaged there.
  caf::expected<bool> read(uint64_t seq, job_event& event) const;

  /// The bytes behind the output events.
  const spool_reader& spool() const { return spool_; }

  /// Calls `wake` once, from any thread, as soon as event `seq` exists or the
  /// job has ended; at once, before returning, if that is so already.
  [[nodiscard]] wake_ticket wake_at(uint64_t seq, std::function<void()> wake);

  /// Calls `wake` once, as soon as the job has ended.
  [[nodiscard]] wake_ticket wake_at_end(std::function<void()> wake);

private:
  friend class wake_ticket;
  struct waiter {
    uint64_t number;
    uint64_t seq;
    std::function<void()> wake;
  };
  struct reached_phase {
    phase_mark mark;
    std::string session_id;
    std::string worker_id;
  };

  uint64_t last_seq_locked() const;
  uint64_t prologue_locked() const;
  wake_ticket wait_for(uint64_t seq, std::function<void()> wake);
  void wake_due(std::unique_lock<std::mutex> lock);
  void take_back(uint64_t number);
  caf::expected<bool> read_output(uint64_t cell_index, job_event& event) const;

  const std::string job_id_;
  const spool_reader spool_;
  mutable std::mutex guard_;
  std::vector<reached_phase> phases_;
  uint64_t cells_ = 0;
  std::shared_ptr<const job_record> ended_;
  std::vector<waiter> waiters_;
  uint64_t earliest_waited_ = UINT64_MAX; // no waiter has a smaller `seq`
  uint64_t last_waiter_ = 0;
};

using history_ptr = std::shared_ptr<history>;

} // namespace ocw
