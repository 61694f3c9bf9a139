#include "messages/log.hpp"
#include "net/event_text.hpp"
#include "net/follow.hpp"
#include "net/outgoing.hpp"

#include <spdlog/fmt/fmt.h>

#include <iterator>
#include <utility>

namespace ocw::net {

namespace {

constexpr auto heartbeat = std::string_view{": heartbeat\n\n"};
constexpr auto last_chunk = std::string_view{"0\r\n\r\n"};

/// Room for the length of a chunk, which is known when its end is: leading
/// zeros are allowed there.
constexpr auto blank_chunk_head = std::string_view{"00000000\r\n"};

/// What came of putting events together.
enum class filled : uint8_t {
  full,   ///< there may be more
  dry,    ///< the next event has not happened yet
  ended,  ///< everything was sent
  broken, ///< the history cannot be read on
};

/// One client's cursor, and the way its transport wants the text.
struct event_cursor {
  history_ptr follow;
  uint64_t seq = 1; ///< the event to send next
  bool chunked = true;

  filled fill(std::string& batch) {
    const auto mark = begin_chunk(batch);
    const auto result = fill_text(batch);
    end_chunk(batch, mark, result == filled::ended);
    return result;
  }

  void add_heartbeat(std::string& batch) const {
    const auto mark = begin_chunk(batch);
    batch += heartbeat;
    end_chunk(batch, mark, false);
  }

private:
  filled fill_text(std::string& batch) {
    while (batch.size() < batch_bytes) {
      // Asked before reading: an end in between is seen next time.
      const auto over = follow->ended() != nullptr;
      const auto event = text_of_event(follow, seq);
      if (!event) {
        log::debug("sse.unreadable", {.job = follow->job_id()}, "event {}: {}",
                   seq, sentence_of(event.error()));
        return filled::broken;
      }
      if (!*event)
        return over ? filled::ended : filled::dry;
      add_event(batch, **event);
      if (is_last((*event)->type()))
        return filled::ended;
    }
    return filled::full;
  }

  void add_event(std::string& batch, const event_text& event) {
    fmt::format_to(std::back_inserter(batch),
                   "id: {}\nevent: {}\ndata: ", seq++, word_of(event.type()));
    event.append_to(batch);
    batch += "\n\n";
  }

  size_t begin_chunk(std::string& batch) const {
    const auto mark = batch.size();
    if (chunked)
      batch += blank_chunk_head;
    return mark;
  }

  void end_chunk(std::string& batch, size_t mark, bool last) const {
    if (!chunked)
      return;
    const auto length = batch.size() - mark - blank_chunk_head.size();
    if (length == 0) {
      batch.resize(mark);
    } else {
      fmt::format_to_n(batch.begin() + static_cast<std::ptrdiff_t>(mark), 8,
                       "{:08x}", length);
      batch += "\r\n";
    }
    if (last)
      batch += last_chunk;
  }
};

reply_head event_stream_head(bool chunked, bool keep_open) {
  return {.content_type = "text/event-stream",
          .headers = chunked ? "X-Accel-Buffering: no\r\n"
                               "Transfer-Encoding: chunked\r\n"
                             : "X-Accel-Buffering: no\r\n",
          .keep_open = keep_open};
}

// Sends until everything was sent, true, or the connection is done for.
awaitable<bool> send_events(socket_type& socket, event_cursor& cursor,
                            follower& growth,
                            std::chrono::milliseconds heartbeat_every) {
  auto next_heartbeat = steady_clock::now() + heartbeat_every;
  while (!growth.gone()) {
    auto& batch = shared_batch();
    const auto result = cursor.fill(batch);
    if (!batch.empty() && !co_await send_all(socket, batch))
      co_return false;
    if (result == filled::ended || result == filled::broken)
      co_return result == filled::ended;
    if (result == filled::full) {
      co_await give_way(socket);
      continue;
    }
    if (co_await growth.wait(cursor.seq, next_heartbeat) != wait_end::deadline)
      continue;
    next_heartbeat = steady_clock::now() + heartbeat_every;
    auto& beat = shared_batch();
    cursor.add_heartbeat(beat);
    if (!co_await send_all(socket, beat))
      co_return false;
  }
  co_return false;
}

} // namespace

awaitable<bool> serve_events(door& context, stream_type& stream,
                             const http_request& request, job_view job,
                             uint64_t from_seq) {
  auto& socket = stream.socket();
  take_over(stream);
  auto cursor = event_cursor{.follow = std::move(job.follow),
                             .seq = from_seq == 0 ? 1 : from_seq,
                             .chunked = takes_chunks(request)};
  const auto keep_alive = cursor.chunked && request.keep_alive();
  const auto head = answer_head(context, request,
                                event_stream_head(cursor.chunked, keep_alive));
  if (!co_await send_all(socket, head))
    co_return false;
  if (request.method() == beast::http::verb::head)
    co_return keep_alive;
  auto growth = follower{socket.get_executor(), cursor.follow};
  growth.watch(socket);
  const auto ender = ender_entry{context, [&growth] { growth.give_up(); }};
  const auto whole = co_await send_events(socket, cursor, growth,
                                          context.patience.event_heartbeat);
  log::debug(whole ? "sse.ended" : "sse.cut", {.job = cursor.follow->job_id()},
             "the stream ended before event {}", cursor.seq);
  co_return whole&& keep_alive;
}

} // namespace ocw::net
