#include "net/bodies.hpp"
#include "net/exchange.hpp"
#include "net/routes.hpp"
#include "net/why.hpp"

#include "messages/job_request.hpp"
#include "messages/json_reader.hpp"

namespace ocw::net::routes {

namespace {

using answer = std::optional<reply>;

answer refuse(const caf::error& err) {
  return error_reply(err);
}

answer state_reply(const job_view& job, unsigned status = 200) {
  return json_reply(state_of(*job.record), status);
}

caf::expected<job_query> query_of(const named_values& values) {
  auto out = job_query{};
  for (const auto& [name, value] : values) {
    if (name == "status") {
      if (!from_word(value, out.status.emplace()))
        return make_error(ec::invalid_request,
                          "'" + value + "' is not a job's status", "status");
    } else if (name == "label") {
      const auto middle = value.find_first_of("=:");
      if (middle == std::string::npos || middle == 0)
        return make_error(ec::invalid_request,
                          "'" + value + "' is not key=value", "label");
      out.labels[value.substr(0, middle)] = value.substr(middle + 1);
    } else if (name == "cursor") {
      out.cursor = value;
    }
  }
  const auto limit = number_in(values, "limit", out.limit);
  if (!limit)
    return limit.error();
  if (*limit < 1 || *limit > 1000)
    return make_error(ec::invalid_request, "limit must be from 1 to 1000",
                      "limit");
  out.limit = static_cast<uint32_t>(*limit);
  return out;
}

awaitable<answer> run_submit(exchange& x) {
  const auto wait = wait_in(x.target.query);
  if (!wait)
    co_return refuse(wait.error());
  auto request = parse_job_request(x.request.body());
  if (!request)
    co_return refuse(request.error());
  // A body may be 64 MiB; while the job runs it is of no more use.
  x.request.body() = {};
  auto question = ocw::submit_job{std::move(*request)};
  const auto job = co_await x.context.node.ask(std::move(question));
  if (!job)
    co_return refuse(job.error());
  const auto status = job->created ? 201u : 200u;
  if (!*wait)
    co_return state_reply(*job, status);
  const auto ended = co_await wait_for_end(x, *job, **wait);
  if (ended)
    co_return json_reply(full_result(*ended, *job), status);
  // What is known now may be newer than what was accepted.
  auto again = ocw::get_job{job->record->job_id};
  const auto latest = co_await x.context.node.ask(std::move(again));
  co_return state_reply(latest ? *latest : *job, status);
}

awaitable<answer> run_list(exchange& x) {
  auto query = query_of(x.target.query);
  if (!query)
    co_return refuse(query.error());
  auto question = ocw::list_jobs{std::move(*query)};
  const auto page = co_await x.context.node.ask(std::move(question));
  if (!page)
    co_return refuse(page.error());
  co_return json_reply(*page);
}

awaitable<answer> run_get(exchange& x) {
  const auto job = co_await find_job(x);
  if (!job)
    co_return refuse(job.error());
  co_return state_reply(*job);
}

awaitable<answer> run_cancel(exchange& x) {
  auto reason = std::string{};
  if (!x.request.body().empty()) {
    auto body = read_json<cancel_body>(x.request.body());
    if (!body)
      co_return refuse(body.error());
    reason = std::move(body->reason);
  }
  auto question = ocw::cancel_job{x.captured("job_id"), std::move(reason)};
  const auto job = co_await x.context.node.ask(std::move(question));
  if (!job)
    co_return refuse(job.error());
  co_return state_reply(*job);
}

awaitable<answer> run_forget(exchange& x) {
  auto question = ocw::forget_job{x.captured("job_id")};
  const auto job = co_await x.context.node.ask(std::move(question));
  if (!job)
    co_return refuse(job.error());
  co_return json_reply(forgotten_job{x.captured("job_id")});
}

awaitable<answer> run_stdin(exchange& x) {
  const auto eof = flag_in(x.target.query, "eof");
  if (!eof)
    co_return refuse(eof.error());
  auto question
    = ocw::send_stdin{x.captured("job_id"), std::move(x.request.body()), *eof};
  const auto job = co_await x.context.node.ask(std::move(question));
  if (!job)
    co_return refuse(job.error());
  co_return state_reply(*job);
}

awaitable<answer> run_why(exchange& x) {
  const auto job = co_await find_job(x);
  if (!job)
    co_return refuse(job.error());
  auto question = get_node{};
  const auto node = co_await x.context.node.ask(question);
  if (!node)
    co_return refuse(node.error());
  co_return json_reply(explain(*job->record, *node));
}

} // namespace

const route_handler submit_job{&run_submit};
const route_handler list_jobs{&run_list};
const route_handler get_job{&run_get};
const route_handler cancel_job{&run_cancel};
const route_handler forget_job{&run_forget};
const route_handler send_stdin{&run_stdin};
const route_handler explain_job{&run_why};

} // namespace ocw::net::routes
