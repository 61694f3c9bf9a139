#include "net/read_deadline.hpp"

namespace ocw::net {

// A wait that ended may still be on its way when the deadline is moved; then
// the time it is asked for has not come.
void read_deadline::set(clock::time_point when) {
  is_set_ = true;
  missed_ = false;
  timer_.expires_at(when);
  timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    const auto self = weak.lock();
    if (error || !self || !self->is_set_
        || clock::now() < self->timer_.expiry())
      return;
    self->missed_ = true;
    self->stream_.cancel();
  });
}

void read_deadline::lift() {
  is_set_ = false;
  timer_.cancel();
}

} // namespace ocw::net
