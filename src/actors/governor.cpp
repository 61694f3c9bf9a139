#include "actors/governor.hpp"

#include <algorithm>
#include <vector>

namespace ocw {

governor_state::governor_state(governor_actor::pointer self,
                               node_capacity limits)
  : self_(self), capacity_(limits) {
  self_->set_down_handler(
    [this](const caf::down_msg& msg) { forget(msg.source); });
}

governor_actor::behavior_type governor_state::make_behavior() {
  return {
    [this](get_load) { return load(); },
    [this](acquire_slot& wants) { return acquire(wants); },
    [this](const release_slot& slot) { release(slot); },
  };
}

caf::result<void> governor_state::acquire(acquire_slot& wants) {
  auto holder = caf::actor_cast<slot_holder_actor>(self_->current_sender());
  if (!holder)
    return make_error(ec::invalid_request, "a slot needs a holder");
  if (holders_.count(wants.job_id) != 0)
    return make_error(ec::conflict, "the job has asked for a slot before");
  if (auto why = capacity_.why_never(wants); !why.empty()) {
    self_->send(holder, slot_refused{wants.job_id, std::move(why)});
    return caf::unit;
  }
  watch(holder);
  holders_.emplace(wants.job_id, caf::actor_cast<caf::actor_addr>(holder));
  // Queue even when there is room: admit_waiting is the only place that
  // grants, so nobody can overtake.
  auto entry = waiting{std::move(wants), std::move(holder)};
  const auto id = entry.wants.job_id;
  const auto priority = entry.wants.priority;
  auto owner = entry.wants.owner;
  queue_.push(id, priority, std::move(owner), std::move(entry));
  admit_waiting();
  return caf::unit;
}

void governor_state::admit_waiting() {
  for (auto next = queue_.front(); next && capacity_.fits(next->wants);
       next = queue_.front()) {
    auto admitted = queue_.pop();
    capacity_.take(admitted.wants);
    self_->send(admitted.holder,
                slot_granted{std::move(admitted.wants.job_id)});
  }
}

void governor_state::release(const release_slot& slot) {
  if (slot.keeps_session) {
    capacity_.finish_execution(slot.job_id);
  } else {
    capacity_.give_back(slot.job_id);
    queue_.erase(slot.job_id);
    holders_.erase(slot.job_id);
  }
  admit_waiting();
}

void governor_state::forget(const caf::actor_addr& holder) {
  std::erase(watched_, holder);
  auto lost = std::vector<std::string>{};
  for (const auto& [job_id, owner] : holders_)
    if (owner == holder)
      lost.push_back(job_id);
  for (const auto& job_id : lost) {
    capacity_.give_back(job_id);
    queue_.erase(job_id);
    holders_.erase(job_id);
  }
  admit_waiting();
}

// One monitor per holder: monitors are not counted, watching twice would
// report twice. A holder stays watched until it goes; there are few.
void governor_state::watch(const slot_holder_actor& holder) {
  const auto address = caf::actor_cast<caf::actor_addr>(holder);
  if (std::find(watched_.begin(), watched_.end(), address) != watched_.end())
    return;
  watched_.push_back(address);
  self_->monitor(holder);
}

node_load governor_state::load() const {
  auto result = capacity_.load();
  result.waiting = static_cast<uint32_t>(queue_.size());
  return result;
}

} // namespace ocw
