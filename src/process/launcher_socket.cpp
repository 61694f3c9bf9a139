#include "process/launcher_client.hpp"

#include "launcher/frames.hpp"
#include "process/fd_passing.hpp"

#include <bit>
#include <cerrno>

// The launcher's socket: what is asked on it, and the answers, which come in
// the same order.

namespace ocw {

using stream_descriptor = boost::asio::posix::stream_descriptor;

void launcher_client::ask_locked(wire::frame_type type,
                                 std::string_view payload) {
  if (!socket_.is_open())
    return; // asked again when there is a launcher
  unsent_.push_back({type, std::string{payload}});
  send_unsent_locked();
}

// A socket's buffer holds some hundred of these. When it is full there are
// answers to come, and room with each of them.
void launcher_client::send_unsent_locked() {
  while (!unsent_.empty()
         && launcher::send_frame(socket_.native_handle(), unsent_.front().type,
                                 unsent_.front().payload, launcher::waiting::no)
              == launcher::send_result::sent)
    unsent_.pop_front();
}

void launcher_client::ask_for_disk_locked(const wire::disk_request& wanted) {
  ask_locked(wire::frame_type::make_disk, launcher::bytes_of(wanted));
}

void launcher_client::make_disk(const wire::disk_request& wanted,
                                disk_function made) {
  {
    const auto lock = std::lock_guard{guard_};
    if (!closed_) {
      disks_.push_back({wanted, std::move(made)});
      return ask_for_disk_locked(wanted);
    }
  }
  made({}, ECANCELED);
}

void launcher_client::disk_made(unique_fd disk, int error) {
  auto lock = std::unique_lock{guard_};
  if (disks_.empty())
    return;
  const auto asked = std::move(disks_.front());
  disks_.pop_front();
  lock.unlock();
  asked.made(std::move(disk), error);
}

void launcher_client::wait_readable_locked() {
  auto resume = [weak = weak_from_this()](boost::system::error_code failed) {
    const auto self = weak.lock();
    if (self && !failed)
      self->read_replies();
  };
  socket_.async_wait(stream_descriptor::wait_read, std::move(resume));
}

void launcher_client::read_replies() {
  struct {
    wire::frame_header header;
    wire::shim_forked_reply reply;
  } frame;
  for (;;) {
    auto came = unique_fd{};
    const auto got
      = receive_with_fd(socket_.native_handle(), &frame, sizeof(frame), came);
    if (got < 0 && errno == EAGAIN)
      break;
    // Replies are written whole, so anything shorter is the end of it.
    if (got != sizeof(frame))
      return launcher_lost();
    if (frame.header.type == wire::frame_type::disk_made)
      disk_made(std::move(came),
                std::bit_cast<wire::disk_made_reply>(frame.reply).error);
    else
      shim_forked(std::move(came), frame.reply.error);
  }
  const auto lock = std::lock_guard{guard_};
  if (closed_)
    return;
  send_unsent_locked();
  wait_readable_locked();
}

} // namespace ocw
