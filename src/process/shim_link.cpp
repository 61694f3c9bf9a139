#include "process/shim_link.hpp"

#include "messages/log.hpp"
#include "process/fd_passing.hpp"
#include "process/process_end.hpp"
#include "process/start_stage.hpp"

#include <boost/asio/post.hpp>

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace ocw {

namespace asio = boost::asio;

namespace {

constexpr size_t read_size = 4096;

template <class T>
bool read_payload(std::string_view payload, T& value) {
  if (payload.size() < sizeof(T))
    return false;
  std::memcpy(&value, payload.data(), sizeof(T));
  return true;
}

} // namespace

shim_link::shim_link(boost::asio::io_context& io, unique_fd socket,
                     idle_function became_idle)
  : became_idle_(std::move(became_idle)), socket_(io, socket.release()) {
}

void shim_link::listen() {
  wait_readable();
}

// -- sending ------------------------------------------------------------------

void shim_link::start(job_start job, shim_events events, input_queue fed) {
  auto first = frame_of(wire::frame_type::start_job, job.frame);
  first.attached = {std::move(job.input), std::move(job.disk)};
  const auto lock = std::lock_guard{guard_};
  events_ = std::move(events);
  busy_ = true;
  if (closed_) // it went away on the way here
    return asio::post(socket_.get_executor(),
                      [self = shared_from_this()] { self->lost(); });
  input_ = std::move(fed);
  queue_.push_back(std::move(first));
  flush_locked();
}

void shim_link::stop(bool skip_grace) {
  const auto request = wire::stop_request{wire::stop_cause::cancelled,
                                          static_cast<uint8_t>(skip_grace)};
  const auto payload = std::string_view{reinterpret_cast<const char*>(&request),
                                        sizeof(request)};
  const auto lock = std::lock_guard{guard_};
  if (closed_)
    return;
  queue_.push_back(frame_of(wire::frame_type::stop_job, payload));
  flush_locked();
}

feeding shim_link::feed(std::string bytes, bool eof) {
  const auto lock = std::lock_guard{guard_};
  if (!busy_ || closed_)
    return feeding::closed;
  if (!input_.push(std::move(bytes), eof))
    return feeding::full;
  flush_locked();
  return feeding::taken;
}

bool shim_link::is_there() {
  const auto lock = std::lock_guard{guard_};
  if (closed_)
    return false;
  auto byte = char{0};
  const auto got
    = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got > 0 || (got < 0 && errno == EAGAIN);
}

void shim_link::close() {
  const auto lock = std::lock_guard{guard_};
  closed_ = true;
  auto ignored = boost::system::error_code{};
  socket_.close(ignored);
}

shim_link::outgoing shim_link::frame_of(wire::frame_type type,
                                        std::string_view payload) {
  const auto header
    = wire::frame_header{static_cast<uint32_t>(payload.size()), type};
  auto frame = outgoing{};
  frame.bytes.reserve(sizeof(header) + payload.size());
  frame.bytes.assign(reinterpret_cast<const char*>(&header), sizeof(header));
  frame.bytes += payload;
  return frame;
}

// Input becomes a frame only when nothing else is left to send, so that a stop
// is never behind more than one of its pieces.
void shim_link::flush_locked() {
  if (writing_)
    return;
  do {
    while (!queue_.empty() && send_one_locked(queue_.front()))
      queue_.erase(queue_.begin());
  } while (queue_.empty() && queue_input_locked());
  if (!queue_.empty())
    wait_writable_locked();
}

bool shim_link::queue_input_locked() {
  if (const auto piece = input_.next(); !piece.empty()) {
    queue_.push_back(frame_of(wire::frame_type::write_stdin, piece));
    input_.sent(piece.size());
    return true;
  }
  if (!input_.take_end())
    return false;
  queue_.push_back(frame_of(wire::frame_type::close_stdin, {}));
  return true;
}

// False when the socket takes no more for now. A socket that is broken drops
// the frame; the reader sees the end of it.
bool shim_link::send_one_locked(outgoing& frame) {
  while (frame.sent < frame.bytes.size()) {
    const auto rest = std::string_view{frame.bytes}.substr(frame.sent);
    const auto sent
      = send_with_fds(socket_.native_handle(), rest, frame.attached);
    if (sent < 0) {
      if (errno == EINTR)
        continue;
      return errno != EAGAIN;
    }
    frame.attached = {};
    frame.sent += static_cast<size_t>(sent);
  }
  return true;
}

void shim_link::wait_writable_locked() {
  writing_ = true;
  auto resume = [self = shared_from_this()](boost::system::error_code failed) {
    const auto lock = std::lock_guard{self->guard_};
    self->writing_ = false;
    if (!failed && !self->closed_)
      self->flush_locked();
  };
  socket_.async_wait(boost::asio::posix::stream_descriptor::wait_write,
                     std::move(resume));
}

// -- receiving ----------------------------------------------------------------

void shim_link::wait_readable() {
  auto resume = [self = shared_from_this()](boost::system::error_code failed) {
    if (!failed)
      self->read_frames();
  };
  const auto lock = std::lock_guard{guard_};
  if (!closed_)
    socket_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                       std::move(resume));
}

void shim_link::read_frames() {
  char buffer[read_size];
  for (;;) {
    const auto got = receive_with_fd(socket_.native_handle(), buffer,
                                     sizeof(buffer), attached_);
    if (got < 0 && errno == EAGAIN)
      break;
    if (got <= 0)
      return lost();
    incoming_.append(buffer, static_cast<size_t>(got));
    if (static_cast<size_t>(got) < sizeof(buffer))
      break;
  }
  incoming_.erase(0, take_frames(incoming_));
  if (incoming_.empty())
    incoming_.shrink_to_fit();
  wait_readable();
}

// Returns how many bytes were whole frames. Of output notices that come
// together only the last is told: a busy job's are many.
size_t shim_link::take_frames(std::string_view bytes) {
  auto rest = bytes;
  auto header = wire::frame_header{};
  auto last = std::optional<wire::output_notice>{};
  auto notice = wire::output_notice{};
  while (read_payload(rest, header)
         && rest.size() >= sizeof(header) + header.length) {
    const auto payload = rest.substr(sizeof(header), header.length);
    if (header.type == wire::frame_type::output
        && read_payload(payload, notice)) {
      last = notice;
    } else {
      hear_of(std::exchange(last, {}));
      handle(header.type, payload);
    }
    rest.remove_prefix(sizeof(header) + header.length);
  }
  hear_of(last);
  return bytes.size() - rest.size();
}

void shim_link::hear_of(std::optional<wire::output_notice> notice) {
  if (!notice)
    return;
  auto lock = std::unique_lock{guard_};
  input_.passed_on(notice->input);
  if (!closed_)
    flush_locked();
  const auto tell = events_.output;
  lock.unlock();
  if (tell)
    tell(notice->cells);
}

void shim_link::handle(wire::frame_type type, std::string_view payload) {
  auto record = wire::end_record{};
  auto failure = wire::start_failure{};
  if (type == wire::frame_type::job_ended && read_payload(payload, record)) {
    finish([&](shim_events& events) { events.ended(process_end_of(record)); });
  } else if (type == wire::frame_type::start_failed
             && read_payload(payload, failure)) {
    auto refusal = start_refused{std::string{stage_name(failure.stage)},
                                 failure.error, false};
    finish([&](shim_events& events) { events.refused(refusal); });
  } else if (type == wire::frame_type::egress_listening) {
    serve_egress();
  } else {
    log::error("shim.garbled", {}, "a frame of type {} with {} bytes",
               static_cast<uint32_t>(type), payload.size());
  }
}

void shim_link::serve_egress() {
  auto lock = std::unique_lock{guard_};
  const auto serve = events_.egress;
  lock.unlock();
  if (serve && attached_)
    egress_ = serve(std::move(attached_));
  attached_.reset();
}

// The owner hears of the end before the shim goes to another job, so that a
// late stop cannot reach the wrong one.
void shim_link::finish(const std::function<void(shim_events&)>& tell) {
  auto lock = std::unique_lock{guard_};
  if (!busy_)
    return;
  busy_ = false;
  input_ = {};
  auto events = std::exchange(events_, {});
  lock.unlock();
  egress_.reset();
  tell(events);
  became_idle_(shared_from_this(), true);
}

void shim_link::lost() {
  auto lock = std::unique_lock{guard_};
  closed_ = true;
  auto ignored = boost::system::error_code{};
  socket_.close(ignored);
  const auto was_busy = std::exchange(busy_, false);
  input_ = {};
  auto events = std::exchange(events_, {});
  lock.unlock();
  egress_.reset();
  became_idle_(shared_from_this(), false);
  if (was_busy && events.refused)
    events.refused(start_refused{"its shim went away", 0, true});
}

} // namespace ocw
