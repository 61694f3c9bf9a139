#pragma once

#include "actors/capacity.hpp"
#include "actors/fair_queue.hpp"
#include "ocw/actors.hpp"

#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <string>
#include <unordered_map>
#include <vector>

namespace ocw {

/// Admits jobs within the node's capacity, highest priority first, owners in
/// turn. The job whose turn it is waits until there is room for it; none
/// overtakes it, so a large job is never starved. Slots belong to the actor
/// that asked; when it dies, they are free.
class governor_state {
public:
  static inline constexpr const char* name = "ocw.governor";

  governor_state(governor_actor::pointer self, node_capacity limits);

  governor_actor::behavior_type make_behavior();

private:
  struct waiting {
    acquire_slot wants;
    slot_holder_actor holder;
  };

  caf::result<void> acquire(acquire_slot& wants);
  void release(const release_slot& slot);
  void forget(const caf::actor_addr& holder);
  void watch(const slot_holder_actor& holder);
  void admit_waiting();
  node_load load() const;

  governor_actor::pointer self_;
  capacity capacity_;
  fair_queue<waiting> queue_;
  /// Which tickets, queued or granted, belong to whom.
  std::unordered_map<std::string, caf::actor_addr> holders_;
  std::vector<caf::actor_addr> watched_;
};

using governor = governor_actor::stateful_impl<governor_state>;

} // namespace ocw
