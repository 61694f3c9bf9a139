#include "net/event_text.hpp"

#include "messages/event_json.hpp"

#include <array>
#include <memory>
#include <string>
#include <utility>

namespace ocw::net {

namespace {

/// The texts that were rendered last. Bounded by bytes and by number.
class text_cache {
public:
  caf::expected<std::optional<event_text>> find(const history_ptr& follow,
                                                uint64_t seq) {
    if (const auto* known = known_text(follow, seq))
      return std::optional{event_text{known->type, known->json}};
    auto there = follow->read(seq, event_);
    if (!there)
      return std::move(there.error());
    if (!*there)
      return std::optional<event_text>{};
    scratch_.clear();
    append_event_json(scratch_, event_);
    const auto& fresh = keep(follow, seq);
    return std::optional{event_text{fresh.type, fresh.json}};
  }

private:
  struct entry {
    std::weak_ptr<history> owner; ///< keeps the address from being reused
    uint64_t seq = 0;
    event_type type = event_type::job_status;
    std::string json;
  };

  static constexpr auto most_texts = size_t{64};
  static constexpr auto most_bytes = size_t{256} << 10;
  // Smaller texts are copied to a string of their size, larger ones keep the
  // buffer they were rendered into.
  static constexpr auto small_text = size_t{4} << 10;

  const entry* known_text(const history_ptr& follow, uint64_t seq) const {
    for (auto i = size_t{0}; i < count_; ++i) {
      const auto& x = entries_[(oldest_ + i) % most_texts];
      if (x.seq == seq && !x.owner.owner_before(follow)
          && !follow.owner_before(x.owner))
        return &x;
    }
    return nullptr;
  }

  const entry& keep(const history_ptr& follow, uint64_t seq) {
    while (count_ > 0
           && (count_ == most_texts || bytes_ + scratch_.size() > most_bytes))
      forget_oldest();
    auto& fresh = entries_[(oldest_ + count_) % most_texts];
    ++count_;
    fresh.owner = follow;
    fresh.seq = seq;
    fresh.type = event_.type;
    bytes_ += scratch_.size();
    if (scratch_.size() < small_text) {
      fresh.json.assign(scratch_);
    } else {
      fresh.json = std::move(scratch_);
      scratch_ = std::move(spare_);
    }
    return fresh;
  }

  void forget_oldest() {
    auto& x = entries_[oldest_];
    oldest_ = (oldest_ + 1) % most_texts;
    --count_;
    bytes_ -= x.json.size();
    x.owner.reset();
    // A large buffer is used again; fresh memory has to be zeroed first.
    if (x.json.capacity() > small_text)
      spare_ = std::exchange(x.json, {});
  }

  std::array<entry, most_texts> entries_;
  size_t oldest_ = 0;
  size_t count_ = 0;
  size_t bytes_ = 0;
  job_event event_;
  std::string scratch_;
  std::string spare_;
};

} // namespace

caf::expected<std::optional<event_text>>
text_of_event(const history_ptr& follow, uint64_t seq) {
  thread_local auto cache = text_cache{};
  return cache.find(follow, seq);
}

} // namespace ocw::net
