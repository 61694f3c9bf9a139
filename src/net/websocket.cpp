#include "net/websocket.hpp"

#include "messages/log.hpp"
#include "net/outgoing.hpp"
#include "ocw/errors.hpp"
#include "ocw/ids.hpp"

#include <boost/asio/redirect_error.hpp>

#include <spdlog/fmt/fmt.h>

#include <chrono>
#include <utility>

namespace ocw::net {

namespace {

namespace ws = beast::websocket;

/// Longest message a client may send; a longer one closes with 1009.
constexpr auto most_incoming_bytes = size_t{1} << 20;

/// Answers that may wait before a client is not listened to any more.
constexpr auto most_waiting_answers = size_t{64} << 10;

/// What is read at once: little while nothing is said, so that an idle client
/// costs no large buffer, and more of a message that goes on.
constexpr auto first_read_bytes = size_t{256};
constexpr auto next_read_bytes = size_t{16} << 10;

/// A read buffer up to here is kept between messages.
constexpr auto small_buffer = size_t{512};

/// A silent client is asked whether it is there after half of this.
constexpr auto idle_timeout = std::chrono::minutes{5};

/// For the handshakes that open and close a connection.
constexpr auto handshake_timeout = std::chrono::seconds{5};

/// Counts a client in and out.
class client_count {
public:
  explicit client_count(uint32_t& count) : count_(count) { ++count_; }
  ~client_count() { --count_; }
  client_count(const client_count&) = delete;
  client_count& operator=(const client_count&) = delete;

private:
  uint32_t& count_;
};

} // namespace

websocket_session::websocket_session(door& context, stream_type&& stream)
  : context_(context),
    websocket_(std::move(stream)),
    subscriptions_(std::make_shared<subscriptions>(websocket_.get_executor(),
                                                   [this] { send(); })),
    heartbeat_(websocket_.get_executor()) {
  websocket_.auto_fragment(false);
  websocket_.read_message_max(most_incoming_bytes);
  websocket_.set_option(ws::stream_base::timeout{
    .handshake_timeout = handshake_timeout,
    .idle_timeout = idle_timeout,
    .keep_alive_pings = true,
  });
}

awaitable<void> websocket_session::run(http_request upgrade) {
  if (!co_await accept(std::move(upgrade)))
    co_return;
  auto self = shared_from_this();
  websocket_.next_layer().keep_control_frames([this] { send(); });
  if (context_.websocket_clients >= context_.settings.websocket.max_clients) {
    co_await refuse();
  } else {
    const auto counted = client_count{context_.websocket_clients};
    const auto ender = ender_entry{context_, [this] { stop(); }};
    co_await serve();
  }
  break_off();
  heartbeat_.cancel();
  subscriptions_ = nullptr;
  websocket_.next_layer().keep_control_frames(nullptr);
}

awaitable<bool> websocket_session::accept(http_request upgrade) {
  auto error = boost::system::error_code{};
  co_await websocket_.async_accept(upgrade,
                                   asio::redirect_error(use_awaitable, error));
  if (error)
    log::debug("websocket.refused", {}, "no handshake: {}", error.message());
  co_return !error;
}

awaitable<void> websocket_session::refuse() {
  log::debug("websocket.full", {}, "{} clients are connected",
             context_.websocket_clients);
  auto error = boost::system::error_code{};
  const auto why = ws::close_reason{ws::close_code::try_again_later,
                                    "too many clients; try again later"};
  co_await websocket_.async_close(why,
                                  asio::redirect_error(use_awaitable, error));
}

awaitable<void> websocket_session::serve() {
  say(fmt::format(R"({{"type":"connected","client_id":"{}","timestamp":{}}})",
                  make_uuid_v7(), now_unix_ms()));
  tick();
  auto buffer = beast::flat_buffer{}; // bounded by read_message_max
  auto error = boost::system::error_code{};
  while (true) {
    co_await websocket_.async_read_some(
      buffer, buffer.size() == 0 ? first_read_bytes : next_read_bytes,
      asio::redirect_error(use_awaitable, error));
    if (error)
      break;
    if (!websocket_.is_message_done())
      continue;
    const auto text = std::string_view{
      static_cast<const char*>(buffer.data().data()), buffer.size()};
    co_await obey(text);
    buffer.consume(buffer.size());
    if (buffer.capacity() > small_buffer)
      buffer.shrink_to_fit(); // to nothing
    co_await wait_for_room();
  }
  log::debug("websocket.ended", {}, "{}", error.message());
}

// -- what a client says -------------------------------------------------------

awaitable<void> websocket_session::obey(std::string_view text) {
  if (!websocket_.got_text()) {
    say(error_message(
      make_error(ec::invalid_request, "messages are text, not binary"), {}));
    co_return;
  }
  auto message = read_client_message(text);
  if (!message) {
    say(error_message(message.error(), {}));
    co_return;
  }
  if (message->type == "subscribe")
    co_await subscribe(*message);
  else if (message->type == "unsubscribe")
    for (const auto& job_id : *message->job_ids)
      subscriptions_->remove(job_id);
  else if (message->type == "ping")
    say(fmt::format(R"({{"type":"pong","timestamp":{}}})", now_unix_ms()));
  else
    co_await feed(std::move(*message));
}

awaitable<void> websocket_session::subscribe(const client_message& wanted) {
  for (const auto& job_id : *wanted.job_ids) {
    auto from_seq = uint64_t{1};
    if (wanted.from)
      if (const auto i = wanted.from->find(job_id); i != wanted.from->end()) {
        from_seq = i->second;
        subscriptions_->tell_again(job_id); // it asks for what it names
      }
    co_await follow(job_id, from_seq);
    co_await wait_for_room();
  }
}

awaitable<void> websocket_session::follow(const std::string& job_id,
                                          uint64_t from_seq) {
  if (subscriptions_->knows(job_id))
    co_return;
  if (subscriptions_->full()) {
    say(error_message(make_error(ec::limit_exceeded,
                                 fmt::format("a client can follow {} jobs",
                                             subscriptions::most_jobs),
                                 "job_ids"),
                      job_id));
    co_return;
  }
  auto question = get_job{job_id};
  auto view = co_await context_.node.ask(std::move(question));
  if (!view)
    say(error_message(view.error(), job_id));
  else
    subscriptions_->add(view->follow, from_seq);
}

awaitable<void> websocket_session::feed(client_message input) {
  const auto job_id = *input.job_id;
  auto bytes = send_stdin{.job_id = job_id,
                          .bytes = std::move(input.data).value_or(""),
                          .eof = input.eof.value_or(false)};
  auto view = co_await context_.node.ask(std::move(bytes));
  if (!view)
    say(error_message(view.error(), job_id));
}

// A client that talks but does not read is not listened to any more.
awaitable<void> websocket_session::wait_for_room() {
  while (answers_.size() > most_waiting_answers && !broken_ && !closed_) {
    auto error = boost::system::error_code{};
    room_.emplace(heartbeat_.get_executor(), steady_clock::time_point::max());
    co_await room_->async_wait(asio::redirect_error(use_awaitable, error));
    room_.reset();
  }
}

// -- what comes by itself -----------------------------------------------------

void websocket_session::tick() {
  // An interval of 0 means none; a later change of it is noticed.
  constexpr auto unset = uint64_t{1000};
  const auto interval = context_.settings.websocket.heartbeat_interval_ms;
  heartbeat_.expires_after(
    std::chrono::milliseconds{interval > 0 ? interval : unset});
  heartbeat_.async_wait(
    [weak = weak_from_this(), interval](boost::system::error_code error) {
      auto self = weak.lock();
      if (error || !self || self->broken_ || self->closed_)
        return;
      // One that waits already says the same.
      if (interval > 0 && self->answers_.empty())
        self->say(fmt::format(R"({{"type":"heartbeat","job_id":"system",)"
                              R"("timestamp":{},"data":{{}}}})",
                              now_unix_ms()));
      self->tick();
    });
}

void websocket_session::stop() {
  auto closed = [self = shared_from_this()](boost::system::error_code) {};
  websocket_.async_close(
    {ws::close_code::going_away, "the node is shutting down"},
    std::move(closed));
}

awaitable<void> serve_websocket(door& context, stream_type& stream,
                                http_request upgrade) {
  take_over(stream);
  auto session
    = std::make_shared<websocket_session>(context, std::move(stream));
  co_await session->run(std::move(upgrade));
}

} // namespace ocw::net
