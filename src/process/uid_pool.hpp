#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace ocw {

/// Kernel uids of sessions, one each while it lives. Any thread.
class uid_pool {
public:
  explicit uid_pool(uint32_t first) : next_(first) {}

  /// The session's uid; the same one until `give_back`.
  uint32_t of(const std::string& session_id) {
    const auto lock = std::lock_guard{guard_};
    const auto [at, added] = taken_.try_emplace(session_id, 0);
    if (added && free_.empty()) {
      at->second = next_++;
    } else if (added) {
      at->second = free_.back();
      free_.pop_back();
    }
    return at->second;
  }

  void give_back(const std::string& session_id) {
    const auto lock = std::lock_guard{guard_};
    const auto at = taken_.find(session_id);
    if (at == taken_.end())
      return;
    free_.push_back(at->second);
    taken_.erase(at);
  }

private:
  std::mutex guard_;
  uint32_t next_;
  std::vector<uint32_t> free_;
  std::map<std::string, uint32_t> taken_;
};

} // namespace ocw
