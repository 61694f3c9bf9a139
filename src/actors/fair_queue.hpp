#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace ocw {

/// A queue with priorities, fair within each: the highest priority goes first,
/// and owners of one priority take turns, each first come, first served. So
/// an owner with 9,900 entries delays one with a single entry by one turn.
template <class Entry>
class fair_queue {
public:
  /// Adds an entry at the end of its owner's line. `id` must be new.
  void push(const std::string& id, uint32_t priority, std::string owner,
            Entry entry) {
    places_.emplace(id, place{priority, owner});
    auto& level = levels_[priority];
    auto line = level.lines.find(owner);
    if (line == level.lines.end()) {
      line = level.lines.emplace(owner, line_type{}).first;
      level.turns.push_back(std::move(owner));
    }
    line->second.emplace_back(id, std::move(entry));
  }

  /// The entry whose turn it is; null when empty.
  const Entry* front() const {
    if (levels_.empty())
      return nullptr;
    const auto& level = levels_.begin()->second;
    return &level.lines.at(level.turns.front()).front().second;
  }

  /// Takes the front entry out; its owner goes to the end of the turns.
  Entry pop() {
    auto level = levels_.begin();
    const auto owner = level->second.turns.front();
    auto& line = level->second.lines.at(owner);
    auto entry = std::move(line.front().second);
    places_.erase(line.front().first);
    line.pop_front();
    level->second.turns.pop_front();
    if (line.empty())
      level->second.lines.erase(owner);
    else
      level->second.turns.push_back(owner);
    if (level->second.turns.empty())
      levels_.erase(level);
    return entry;
  }

  /// Takes an entry out wherever it waits. False when it does not.
  bool erase(const std::string& id) {
    const auto found = places_.find(id);
    if (found == places_.end())
      return false;
    const auto where = std::move(found->second);
    places_.erase(found);
    auto level = levels_.find(where.priority);
    auto& line = level->second.lines.at(where.owner);
    std::erase_if(line,
                  [&](const auto& waiting) { return waiting.first == id; });
    if (line.empty()) {
      level->second.lines.erase(where.owner);
      std::erase(level->second.turns, where.owner);
    }
    if (level->second.turns.empty())
      levels_.erase(level);
    return true;
  }

  size_t size() const { return places_.size(); }
  bool empty() const { return places_.empty(); }

private:
  struct place {
    uint32_t priority;
    std::string owner;
  };
  using line_type = std::deque<std::pair<std::string, Entry>>;
  struct level_type {
    std::unordered_map<std::string, line_type> lines; ///< none is empty
    std::deque<std::string> turns;                    ///< each owner once
  };

  std::map<uint32_t, level_type, std::greater<>> levels_; ///< none is empty
  std::unordered_map<std::string, place> places_;
};

} // namespace ocw
