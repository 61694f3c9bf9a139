#pragma once

#include "net/stream.hpp"
#include "store/history.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>

namespace ocw::net {

/// The jobs that one WebSocket follows: a cursor each, served in turn. Costs
/// nothing while nothing happens. I/O thread only, but wakes come from any.
class subscriptions : public std::enable_shared_from_this<subscriptions> {
public:
  /// Jobs that may be followed at once.
  static constexpr auto most_jobs = size_t{1024};

  /// `on_ready` is called on the I/O thread when there is something to take.
  subscriptions(asio::io_context::executor_type executor,
                std::function<void()> on_ready);

  /// Follows a job from event `from_seq` on.
  void add(history_ptr follow, uint64_t from_seq);

  /// Forgets a job. False when it was not known.
  bool remove(const std::string& job_id);

  /// An ended job that was told may be told once more.
  void tell_again(const std::string& job_id);

  /// True for jobs that are followed, and for those whose end was told not
  /// long ago: nobody is told twice without having unsubscribed.
  bool knows(const std::string& job_id) const;

  bool full() const { return followed_.size() >= most_jobs; }

  /// Appends frames, an event of each job in turn, until `out` has at least
  /// `enough` bytes or there is nothing more.
  void fill(std::string& out, size_t enough);

  bool has_ready() const { return !ready_.empty(); }

private:
  /// One job's cursor.
  struct subscription {
    history_ptr follow; ///< null: it was removed
    uint64_t seq;       ///< the event to send next
    wake_ticket ticket;
  };
  using subscription_ptr = std::shared_ptr<subscription>;

  bool send_next(subscription& x, std::string& out);
  void wait_for_more(const subscription_ptr& x);
  void wake(const subscription_ptr& x);
  void finish(subscription& x);
  void fail(subscription& x, const caf::error& why, std::string& out);

  asio::io_context::executor_type executor_;
  std::function<void()> on_ready_;
  std::unordered_map<std::string, subscription_ptr> followed_;
  std::list<subscription_ptr> ready_;
  bool filling_ = false;        ///< `fill` is at work
  std::list<std::string> told_; ///< ended jobs, newest first; at most most_jobs
};

} // namespace ocw::net
