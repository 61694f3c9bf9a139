#include "process/input_queue.hpp"

#include <algorithm>
#include <utility>

namespace ocw {

bool input_queue::push(std::string bytes, bool eof) {
  if (!bytes.empty()) {
    if (bytes_ > 0 && bytes_ + bytes.size() > capacity)
      return false;
    bytes_ += bytes.size();
    waiting_.push_back(std::move(bytes));
  }
  end_due_ = end_due_ || eof;
  return true;
}

std::string_view input_queue::next() const {
  const auto under_way = sent_ - std::min(passed_on_, sent_);
  if (waiting_.empty() || under_way >= window)
    return {};
  const auto room = std::min<uint64_t>(piece, window - under_way);
  return std::string_view{waiting_.front()}.substr(first_at_, room);
}

void input_queue::sent(size_t size) {
  sent_ += size;
  bytes_ -= size;
  first_at_ += size;
  if (first_at_ < waiting_.front().size())
    return;
  waiting_.pop_front();
  first_at_ = 0;
}

bool input_queue::take_end() {
  return waiting_.empty() && std::exchange(end_due_, false);
}

} // namespace ocw
