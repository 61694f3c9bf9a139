#include "launcher/stdin_feed.hpp"

#include <cerrno>

namespace ocw::launcher {

void stdin_feed::push(std::string bytes) {
  pushed_ += bytes.size();
  if (!pipe_ || finishing_ || bytes.empty())
    return;
  queued_ += bytes.size();
  queue_.push_back(std::move(bytes));
  pump();
}

void stdin_feed::finish() {
  finishing_ = true;
  pump();
}

void stdin_feed::pump() {
  while (wants_write()) {
    const auto& first = queue_.front();
    const auto left = first.size() - written_;
    const auto n = ::write(pipe_.get(), first.data() + written_, left);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && errno == EAGAIN)
      return;
    if (n <= 0)
      return close(); // nobody reads any more
    written_ += static_cast<size_t>(n);
    queued_ -= static_cast<size_t>(n);
    if (written_ == first.size()) {
      queue_.pop_front();
      written_ = 0;
    }
  }
  if (finishing_)
    close();
}

void stdin_feed::close() {
  pipe_.reset();
  queue_.clear();
  queued_ = 0;
  written_ = 0;
}

} // namespace ocw::launcher
