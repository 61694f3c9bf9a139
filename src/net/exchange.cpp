#include "net/exchange.hpp"

#include "net/follow.hpp"
#include "store/history.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <chrono>

namespace ocw::net {

namespace {

constexpr auto write_patience = std::chrono::seconds{30};
constexpr size_t write_step = size_t{256} << 10;
constexpr size_t most_text = size_t{1} << 20;

// Cuts a UTF-8 character that the limit has split.
void drop_partial_character(std::string& text) {
  auto back = size_t{0};
  while (back < 3 && back < text.size()) {
    ++back;
    const auto c = static_cast<unsigned char>(text[text.size() - back]);
    if ((c & 0xc0) == 0x80)
      continue;
    const auto length = c >= 0xf0 ? 4u : c >= 0xe0 ? 3u : c >= 0xc0 ? 2u : 1u;
    if (length > back)
      text.resize(text.size() - back);
    return;
  }
}

bool read_text(const spool_reader& spool, wire::stream_id stream,
               lossy_text& out) {
  if (spool.read(stream, 0, most_text, out.bytes))
    out.bytes.clear();
  const auto cut = spool.size(stream) > out.bytes.size();
  if (cut)
    drop_partial_character(out.bytes);
  return cut;
}

} // namespace

const std::string& exchange::captured(std::string_view name) const {
  static const auto none = std::string{};
  const auto* value = find_value(captures, name);
  return value ? *value : none;
}

awaitable<bool> send_bytes(stream_type& stream, std::string_view bytes) {
  auto error = boost::system::error_code{};
  auto sent = stream.socket().write_some(
    asio::buffer(bytes.data(), bytes.size()), error);
  if (error == asio::error::would_block)
    error = {};
  // Step by step, so that a slow client that does read is not given up.
  while (!error && sent < bytes.size()) {
    const auto step = std::min(write_step, bytes.size() - sent);
    stream.expires_after(write_patience);
    sent += co_await asio::async_write(
      stream, asio::buffer(bytes.data() + sent, step),
      asio::redirect_error(use_awaitable, error));
  }
  stream.expires_never();
  co_return !error;
}

awaitable<caf::expected<job_view>> find_job(exchange& x) {
  auto question = get_job{x.captured("job_id")};
  co_return co_await x.context.node.ask(std::move(question));
}

awaitable<std::shared_ptr<const job_record>>
wait_for_end(exchange& x, job_view job, uint64_t patience_ms) {
  if (is_terminal(job.record->status))
    co_return job.record;
  if (!job.follow)
    co_return nullptr;
  if (auto ended = job.follow->ended(); ended || patience_ms == 0)
    co_return ended;
  auto& socket = x.stream.socket();
  auto growth = follower{socket.get_executor(), job.follow};
  growth.watch(socket);
  const auto ender = ender_entry{x.context, [&growth] { growth.give_up(); }};
  const auto deadline
    = steady_clock::now() + std::chrono::milliseconds{patience_ms};
  // A wake may come early: then the deadline still holds.
  while (!growth.gone() && !job.follow->ended()
         && steady_clock::now() < deadline)
    co_await growth.wait_for_end(deadline);
  co_return job.follow->ended();
}

job_result full_result(const job_record& record, const job_view& job) {
  auto out = result_of(record);
  auto& standard = out.stdout_text.emplace();
  auto& errors = out.stderr_text.emplace();
  if (!job.follow)
    return out;
  const auto& spool = job.follow->spool();
  // Most jobs leave a stream empty; looking for its file would cost more than
  // all the rest here.
  const auto cut_out = record.output.out.bytes > 0
                       && read_text(spool, wire::stream_id::out, standard);
  const auto cut_err = record.output.err.bytes > 0
                       && read_text(spool, wire::stream_id::err, errors);
  out.truncated_in_response = cut_out || cut_err;
  return out;
}

} // namespace ocw::net
