#include "net/auth.hpp"
#include "net/bodies.hpp"
#include "net/egress_proxy.hpp"
#include "net/exchange.hpp"
#include "net/metrics.hpp"
#include "net/openapi.hpp"
#include "net/routes.hpp"

namespace ocw::net::routes {

namespace {

using answer = std::optional<reply>;

awaitable<caf::expected<node_report>> ask_node(exchange& x) {
  auto question = get_node{};
  co_return co_await x.context.node.ask(question);
}

awaitable<answer> run_sessions(exchange& x) {
  auto question = ocw::list_sessions{};
  const auto sessions = co_await x.context.node.ask(question);
  if (!sessions)
    co_return error_reply(sessions.error());
  co_return json_reply(*sessions);
}

awaitable<answer> run_workers(exchange& x) {
  const auto node = co_await ask_node(x);
  if (!node)
    co_return error_reply(node.error());
  co_return json_reply(worker_list{{node->worker}});
}

awaitable<answer> run_metrics(exchange& x) {
  const auto node = co_await ask_node(x);
  if (!node)
    co_return error_reply(node.error());
  co_return json_reply(*node);
}

awaitable<answer> run_prometheus(exchange& x) {
  const auto node = co_await ask_node(x);
  if (!node)
    co_return error_reply(node.error());
  auto process = measure_process();
  process.websocket_clients = x.context.websocket_clients;
  if (x.context.egress != nullptr)
    process.egress = x.context.egress->counters();
  auto out = reply{200, prometheus_text(*node, process)};
  out.content_type = "text/plain; version=0.0.4; charset=utf-8";
  co_return out;
}

// Alive means that this thread answers; it asks nobody.
awaitable<answer> run_health(exchange&) {
  co_return json_reply(health_report{});
}

awaitable<answer> run_ready(exchange& x) {
  const auto node = co_await ask_node(x);
  if (!node)
    co_return error_reply(node.error());
  const auto& ready = node->ready;
  auto report = ready_report{ready.ready ? "ready" : "not ready", ready.checks};
  co_return json_reply(report, ready.ready ? 200 : 503);
}

awaitable<answer> run_openapi(exchange&) {
  co_return reply{200, openapi_text()};
}

awaitable<answer> run_ticket(exchange& x) {
  const auto grant = x.context.auth.issue_ticket();
  if (grant.ticket.empty())
    co_return error_reply(make_error(
      ec::unavailable, "too many tickets are unused; try again in a minute"));
  co_return json_reply(grant, 201);
}

} // namespace

const route_handler list_sessions{&run_sessions};
const route_handler list_workers{&run_workers};
const route_handler get_metrics{&run_metrics};
const route_handler get_prometheus_metrics{&run_prometheus};
const route_handler get_health{&run_health};
const route_handler get_ready{&run_ready};
const route_handler get_openapi{&run_openapi};
const route_handler issue_ticket{&run_ticket};

} // namespace ocw::net::routes
