#include "messages/log.hpp"
#include "net/byte_range.hpp"
#include "net/follow.hpp"
#include "net/outgoing.hpp"
#include "ocw/errors.hpp"

#include <boost/asio/redirect_error.hpp>

#include <spdlog/fmt/fmt.h>

#include <sys/sendfile.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace ocw::net {

namespace {

/// How much one connection sends before the others have their turn, in bytes.
constexpr auto turn_bytes = uint64_t{256} << 10;

/// A stream's file, and the part of it that is still to be sent.
struct file_part {
  int descriptor = -1;
  uint64_t offset = 0;
  uint64_t length = 0;
};

wire::stream_id id_of(output_stream stream) {
  return stream == output_stream::out ? wire::stream_id::out
                                      : wire::stream_id::err;
}

// The bytes go from the page cache to the socket without passing through here.
// False when the connection is broken or the file shorter than it was.
awaitable<bool> send_file(socket_type& socket, file_part part) {
  auto in_turn = uint64_t{0};
  while (part.length > 0) {
    auto offset = static_cast<off_t>(part.offset);
    const auto wanted = std::min(part.length, turn_bytes);
    const auto n = ::sendfile(socket.native_handle(), part.descriptor, &offset,
                              static_cast<size_t>(wanted));
    if (n < 0 && errno == EAGAIN) {
      auto error = boost::system::error_code{};
      co_await socket.async_wait(socket_type::wait_write,
                                 asio::redirect_error(use_awaitable, error));
      if (error)
        co_return false;
      in_turn = 0;
      continue;
    }
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      co_return false;
    part.offset += static_cast<uint64_t>(n);
    part.length -= static_cast<uint64_t>(n);
    in_turn += static_cast<uint64_t>(n);
    if (part.length > 0 && in_turn >= turn_bytes) {
      in_turn = 0;
      co_await give_way(socket);
    }
  }
  co_return true;
}

// -- what is there now --------------------------------------------------------

/// The answer to a request that does not follow: head, and maybe bytes.
struct log_answer {
  reply_head head;
  std::string headers = "Accept-Ranges: bytes\r\n";
  std::string body; ///< of an error
  byte_span part;   ///< of the stream's file
};

std::string_view range_header(const http_request& request) {
  // Without an entity tag no condition can hold, so all of it is sent.
  if (request.count(beast::http::field::if_range) > 0)
    return {};
  const auto text = request[beast::http::field::range];
  return {text.data(), text.size()};
}

log_answer plan_answer(const http_request& request, byte_span window) {
  auto answer = log_answer{};
  answer.head.content_type = "application/octet-stream";
  answer.part = window;
  const auto range = read_range(range_header(request), window.length);
  if (!range.satisfiable) {
    answer.head.status = 416;
    answer.part.length = 0;
    answer.headers
      += fmt::format("Content-Range: bytes */{}\r\n", window.length);
    const auto reply = error_reply(
      416,
      make_error(ec::invalid_request,
                 "the range begins beyond the end of the output", "Range"));
    answer.body = reply.body;
    answer.head.content_type = reply.content_type;
  } else if (range.part) {
    answer.head.status = 206;
    answer.part = {window.first + range.part->first, range.part->length};
    answer.headers
      += fmt::format("Content-Range: bytes {}-{}/{}\r\n", range.part->first,
                     range.part->first + range.part->length - 1, window.length);
  }
  answer.head.content_length = answer.body.size() + answer.part.length;
  return answer;
}

awaitable<bool> send_present(door& context, socket_type& socket,
                             const http_request& request, const job_view& job,
                             const log_range& range) {
  const auto& spool = job.follow->spool();
  const auto size = spool.size(id_of(range.stream));
  const auto first = std::min(range.offset, size);
  auto answer
    = plan_answer(request, {first, std::min(range.limit, size - first)});
  answer.head.keep_open = request.keep_alive();
  answer.head.headers = answer.headers;
  auto text = answer_head(context, request, answer.head);
  const auto bodyless = request.method() == beast::http::verb::head;
  if (!bodyless)
    text += answer.body;
  if (!co_await send_all(socket, text))
    co_return false;
  const auto part
    = file_part{spool.descriptor(id_of(range.stream)), answer.part.first,
                bodyless ? 0 : answer.part.length};
  co_return co_await send_file(socket, part) && answer.head.keep_open;
}

// -- as it grows --------------------------------------------------------------

/// One client's place in a stream that may still grow.
struct log_cursor {
  history_ptr follow;
  wire::stream_id stream = wire::stream_id::out;
  uint64_t offset = 0;
  uint64_t left = UINT64_MAX; ///< of what the client wants
  bool chunked = true;

  uint64_t available() const {
    const auto size = follow->spool().size(stream);
    return size > offset ? std::min(size - offset, left) : 0;
  }
};

awaitable<bool> send_chunk(socket_type& socket, log_cursor& cursor,
                           uint64_t length) {
  if (cursor.chunked) {
    const auto head = fmt::format("{:x}\r\n", length);
    if (!co_await send_all(socket, head))
      co_return false;
  }
  const auto part = file_part{cursor.follow->spool().descriptor(cursor.stream),
                              cursor.offset, length};
  if (!co_await send_file(socket, part))
    co_return false;
  cursor.offset += length;
  cursor.left -= length;
  co_return !cursor.chunked || co_await send_all(socket, "\r\n");
}

// True when all was sent, false when the connection is done for.
awaitable<bool> send_growth(socket_type& socket, log_cursor& cursor,
                            follower& growth) {
  while (cursor.left > 0) {
    // Both are asked before the size: what comes in between wakes the wait, or
    // is seen before the end is believed.
    const auto over = cursor.follow->ended() != nullptr;
    const auto seq = cursor.follow->last_seq();
    if (const auto ready = cursor.available(); ready > 0) {
      if (!co_await send_chunk(socket, cursor, std::min(ready, turn_bytes)))
        co_return false;
    } else if (over) {
      break;
    } else if (co_await growth.wait(seq + 1, steady_clock::time_point::max())
               == wait_end::gone) {
      co_return false;
    }
    if (growth.gone())
      co_return false;
  }
  co_return !cursor.chunked || co_await send_all(socket, "0\r\n\r\n");
}

awaitable<bool> send_following(door& context, socket_type& socket,
                               const http_request& request,
                               log_cursor& cursor) {
  const auto keep_alive = cursor.chunked && request.keep_alive();
  const auto head = answer_head(
    context, request,
    {.content_type = "application/octet-stream",
     .headers = cursor.chunked ? "Transfer-Encoding: chunked\r\n" : "",
     .keep_open = keep_alive});
  if (!co_await send_all(socket, head))
    co_return false;
  if (request.method() == beast::http::verb::head)
    co_return keep_alive;
  auto growth = follower{socket.get_executor(), cursor.follow};
  growth.watch(socket);
  const auto ender = ender_entry{context, [&growth] { growth.give_up(); }};
  co_return co_await send_growth(socket, cursor, growth) && keep_alive;
}

} // namespace

awaitable<bool> serve_logs(door& context, stream_type& stream,
                           const http_request& request, job_view job,
                           log_range range) {
  take_over(stream);
  auto& socket = stream.socket();
  auto whole = false;
  if (range.follow) {
    auto cursor = log_cursor{.follow = job.follow,
                             .stream = id_of(range.stream),
                             .offset = range.offset,
                             .left = range.limit,
                             .chunked = takes_chunks(request)};
    whole = co_await send_following(context, socket, request, cursor);
  } else {
    whole = co_await send_present(context, socket, request, job, range);
  }
  log::debug(whole ? "logs.sent" : "logs.cut", {.job = job.follow->job_id()},
             "{} from byte {}", word_of(range.stream), range.offset);
  co_return whole;
}

} // namespace ocw::net
