#include "net/event_text.hpp"

#include "messages/event_json.hpp"

#include <array>
#include <memory>
#include <string>
#include <utility>

namespace ocw::net {

namespace {

/// The events that were read last, and the texts of those that were read more
/// than once. Bounded by bytes and by number.
class text_cache {
public:
  caf::expected<std::optional<event_text>> find(const history_ptr& follow,
                                                uint64_t seq) {
    const auto* known = find_entry(follow, seq);
    if (known && !known->json.empty())
      return std::optional{event_text{known->type, known->json}};
    const auto shared = known != nullptr;
    auto there = follow->read(seq, event_);
    if (!there)
      return std::move(there.error());
    if (!*there)
      return std::optional<event_text>{};
    if (!shared) {
      add_entry(follow, seq);
      return std::optional{event_text{event_}};
    }
    const auto& kept = keep_text(follow, seq);
    return std::optional{event_text{kept.type, kept.json}};
  }

private:
  struct entry {
    std::weak_ptr<history> owner; ///< keeps the address from being reused
    uint64_t seq = 0;
    event_type type = event_type::job_status;
    std::string json; ///< empty: read once so far
  };

  static constexpr auto most_entries = size_t{64};
  static constexpr auto most_bytes = size_t{256} << 10;
  // Smaller texts are copied to a string of their size, larger ones keep the
  // buffer they were rendered into.
  static constexpr auto small_text = size_t{4} << 10;

  // The newest one: it may have the text that an older one has not.
  const entry* find_entry(const history_ptr& follow, uint64_t seq) const {
    for (auto i = count_; i > 0; --i) {
      const auto& x = entries_[(oldest_ + i - 1) % most_entries];
      if (x.seq == seq && !x.owner.owner_before(follow)
          && !follow.owner_before(x.owner))
        return &x;
    }
    return nullptr;
  }

  entry& add_entry(const history_ptr& follow, uint64_t seq) {
    if (count_ == most_entries)
      forget_oldest();
    auto& fresh = entries_[(oldest_ + count_) % most_entries];
    ++count_;
    fresh.owner = follow;
    fresh.seq = seq;
    fresh.type = event_.type;
    return fresh;
  }

  const entry& keep_text(const history_ptr& follow, uint64_t seq) {
    scratch_.clear();
    append_event_json(scratch_, event_);
    while (count_ > 0 && bytes_ + scratch_.size() > most_bytes)
      forget_oldest();
    auto& fresh = add_entry(follow, seq);
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
    oldest_ = (oldest_ + 1) % most_entries;
    --count_;
    bytes_ -= x.json.size();
    x.owner.reset();
    // A large buffer is used again; fresh memory has to be zeroed first.
    if (x.json.capacity() > small_text)
      spare_ = std::exchange(x.json, {});
    else
      x.json.clear();
  }

  std::array<entry, most_entries> entries_;
  size_t oldest_ = 0;
  size_t count_ = 0;
  size_t bytes_ = 0;
  job_event event_;
  std::string scratch_;
  std::string spare_;
};

} // namespace

void event_text::append_to(std::string& out) const {
  if (json_)
    out += *json_;
  else
    append_event_json(out, *event_);
}

caf::expected<std::optional<event_text>>
text_of_event(const history_ptr& follow, uint64_t seq) {
  thread_local auto cache = text_cache{};
  return cache.find(follow, seq);
}

} // namespace ocw::net
