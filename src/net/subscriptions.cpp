#include "net/subscriptions.hpp"

#include "messages/log.hpp"
#include "net/client_message.hpp"
#include "net/event_text.hpp"
#include "net/websocket_wire.hpp"
#include "ocw/errors.hpp"

#include <boost/asio/dispatch.hpp>

#include <algorithm>
#include <utility>

namespace ocw::net {

subscriptions::subscriptions(asio::io_context::executor_type executor,
                             std::function<void()> on_ready)
  : executor_(executor), on_ready_(std::move(on_ready)) {
}

void subscriptions::add(history_ptr follow, uint64_t from_seq) {
  const auto& job_id = follow->job_id();
  auto x = std::make_shared<subscription>(
    subscription{.follow = follow, .seq = from_seq, .ticket = {}});
  followed_.emplace(job_id, x);
  ready_.push_back(std::move(x));
  on_ready_();
}

bool subscriptions::remove(const std::string& job_id) {
  if (const auto i = followed_.find(job_id); i != followed_.end()) {
    // It may be among the ready ones still, which skip it then.
    i->second->ticket = {};
    i->second->follow = nullptr;
    followed_.erase(i);
    return true;
  }
  return told_.remove(job_id) > 0;
}

void subscriptions::tell_again(const std::string& job_id) {
  told_.remove(job_id);
}

bool subscriptions::knows(const std::string& job_id) const {
  return followed_.contains(job_id)
         || std::find(told_.begin(), told_.end(), job_id) != told_.end();
}

void subscriptions::fill(std::string& out, size_t enough) {
  filling_ = true;
  while (out.size() < enough && !ready_.empty()) {
    const auto x = ready_.front();
    if (x->follow && send_next(*x, out)) {
      ready_.splice(ready_.end(), ready_, ready_.begin());
      continue;
    }
    ready_.pop_front();
    if (x->follow)
      wait_for_more(x);
  }
  filling_ = false;
}

// False when the next event has not happened yet, or will never.
bool subscriptions::send_next(subscription& x, std::string& out) {
  // Asked before reading: an end in between is seen next time.
  const auto over = x.follow->ended() != nullptr;
  const auto event = text_of_event(x.follow, x.seq);
  if (!event) {
    fail(x, event.error(), out);
    return false;
  }
  if (!*event) {
    if (over)
      finish(x);
    return false;
  }
  auto frame = text_frame{out};
  (*event)->append_to(out);
  frame.end();
  ++x.seq;
  if (!is_last((*event)->type()))
    return true;
  finish(x);
  return false;
}

// A wake comes from any thread. On this one, where output is heard of, it takes
// effect at once: a way through the queue would delay each line.
void subscriptions::wait_for_more(const subscription_ptr& x) {
  auto woken
    = [executor = executor_, self = weak_from_this(), weak = std::weak_ptr{x}] {
        auto ready = [self, weak] {
          const auto owner = self.lock();
          const auto one = weak.lock();
          if (owner && one)
            owner->wake(one);
        };
        asio::dispatch(executor, std::move(ready));
      };
  x->ticket = x->follow->wake_at(x->seq, std::move(woken));
}

void subscriptions::wake(const subscription_ptr& x) {
  if (!x->follow)
    return;
  ready_.push_back(x);
  if (!filling_) // else `fill` finds it: it came from inside `wake_at`
    on_ready_();
}

void subscriptions::finish(subscription& x) {
  const auto follow = std::exchange(x.follow, nullptr);
  told_.push_front(follow->job_id());
  if (told_.size() > most_jobs)
    told_.pop_back();
  followed_.erase(follow->job_id());
}

// Nothing can come after an event that cannot be read, or there would be a gap.
void subscriptions::fail(subscription& x, const caf::error& why,
                         std::string& out) {
  const auto follow = x.follow;
  log::debug("websocket.unreadable", {.job = follow->job_id()}, "event {}: {}",
             x.seq, sentence_of(why));
  append_text_frame(out, error_message(why, follow->job_id()));
  finish(x);
}

} // namespace ocw::net
