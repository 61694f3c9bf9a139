#include "net/auth.hpp"
#include "net/exchange.hpp"
#include "net/routes.hpp"

#include <boost/beast/http/field.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include <charconv>

namespace ocw::net::routes {

namespace {

using answer = std::optional<reply>;

// The error's shape with the job's state in it, so that a client that polls
// needs no second request.
reply not_ended_reply(const job_record& record) {
  auto out = error_reply(make_error(
    ec::not_ended, "job " + record.job_id + " is " + to_string(record.status)
                     + " and has no result yet"));
  out.body.pop_back();
  out.body += ",\"state\":";
  write_json(out.body, state_of(record));
  out.body += '}';
  return out;
}

awaitable<answer> run_output(exchange& x) {
  const auto wait = wait_in(x.target.query);
  if (!wait)
    co_return error_reply(wait.error());
  const auto job = co_await find_job(x);
  if (!job)
    co_return error_reply(job.error());
  const auto ended = co_await wait_for_end(x, *job, wait->value_or(0));
  if (ended)
    co_return json_reply(full_result(*ended, *job));
  const auto latest = co_await find_job(x);
  co_return not_ended_reply(latest ? *latest->record : *job->record);
}

caf::expected<log_range> log_range_of(const named_values& query) {
  auto out = log_range{};
  if (const auto* stream = find_value(query, "stream"))
    if (!from_word(*stream, out.stream))
      return make_error(ec::invalid_request,
                        "'" + *stream + "' is neither stdout nor stderr",
                        "stream");
  const auto offset = number_in(query, "offset", 0);
  if (!offset)
    return offset.error();
  const auto limit = number_in(query, "limit", UINT64_MAX);
  if (!limit)
    return limit.error();
  const auto follow = flag_in(query, "follow");
  if (!follow)
    return follow.error();
  out.offset = *offset;
  out.limit = *limit;
  out.follow = *follow;
  return out;
}

awaitable<answer> run_logs(exchange& x) {
  const auto range = log_range_of(x.target.query);
  if (!range)
    co_return error_reply(range.error());
  auto job = co_await find_job(x);
  if (!job)
    co_return error_reply(job.error());
  x.answering = true;
  x.keep_open = co_await serve_logs(x.context, x.stream, x.request,
                                    std::move(*job), *range);
  co_return answer{};
}

// A browser that comes back sends the number of the last event it has seen.
caf::expected<uint64_t> first_event(const exchange& x) {
  const auto last = x.request["Last-Event-ID"];
  if (last.empty())
    return number_in(x.target.query, "from", 1);
  auto number = uint64_t{0};
  const auto* end = last.data() + last.size();
  const auto [stop, error] = std::from_chars(last.data(), end, number);
  if (stop != end || error != std::errc{} || number == UINT64_MAX)
    return make_error(ec::invalid_request,
                      "Last-Event-ID is not the number of an event",
                      "Last-Event-ID");
  return number + 1;
}

awaitable<answer> run_events(exchange& x) {
  const auto from = first_event(x);
  if (!from)
    co_return error_reply(from.error());
  auto job = co_await find_job(x);
  if (!job)
    co_return error_reply(job.error());
  x.answering = true;
  const auto first = std::max(*from, uint64_t{1});
  x.keep_open = co_await serve_events(x.context, x.stream, x.request,
                                      std::move(*job), first);
  co_return answer{};
}

awaitable<answer> run_stream(exchange& x) {
  if (!beast::websocket::is_upgrade(x.request)) {
    const auto err = make_error(ec::invalid_request,
                                "this path speaks WebSocket only", "Upgrade");
    auto out = error_reply(426, err);
    out.headers = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
    co_return out;
  }
  x.answering = true;
  x.keep_open = false;
  co_await serve_websocket(x.context, x.stream, std::move(x.request));
  co_return answer{};
}

} // namespace

const route_handler get_output{&run_output};
const route_handler get_logs{&run_logs};
const route_handler get_events{&run_events};
const route_handler open_stream{&run_stream};

} // namespace ocw::net::routes
