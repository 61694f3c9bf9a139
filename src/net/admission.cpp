#include "net/admission.hpp"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

namespace ocw::net {

namespace {

using header_type = http_request::header_type;
using beast::http::field;

std::string_view view_of(beast::string_view text) {
  return {text.data(), text.size()};
}

caf::error check_form(const header_type& head) {
  const auto hosts = head.count(field::host);
  if (hosts > 1 || (hosts == 0 && head.version() >= 11))
    return make_error(ec::invalid_request,
                      "a request needs exactly one Host header", "Host");
  return {};
}

visited place_of(door_kind kind, const operation* what) {
  if (kind == door_kind::websocket)
    return visited::websocket_port;
  if (!what)
    return visited::anything_else;
  if (what->name == "get_prometheus_metrics")
    return visited::metrics;
  if (what->name == "open_stream" || what->name == "get_events")
    return visited::stream;
  const auto open = what->name == "get_health" || what->name == "get_ready"
                    || what->name == "get_health_alias";
  return open ? visited::health : visited::anything_else;
}

reply admission_refusal(const authenticator::verdict& verdict) {
  auto out = error_reply(verdict.error);
  if (out.status == 401)
    out.headers = "WWW-Authenticate: Bearer\r\n";
  if (verdict.retry_after_s > 0)
    out.headers
      = "Retry-After: " + std::to_string(verdict.retry_after_s) + "\r\n";
  return out;
}

reply route_refusal(const header_type& head, const std::string& allowed) {
  if (allowed.empty())
    return error_reply(
      make_error(ec::not_found, "there is nothing here", "path"));
  auto out = error_reply(
    405, make_error(ec::invalid_request,
                    "this path does not take "
                      + std::string{view_of(head.method_string())},
                    "method"));
  out.headers = "Allow: " + allowed + "\r\n";
  return out;
}

// What OPTIONS is answered: the verbs, and to a page of the configured origin
// also that it may use them.
reply options_reply(const std::string& allowed, const std::string& cors) {
  auto out = reply{204};
  out.content_type = {};
  out.headers = "Allow: " + allowed + "\r\n";
  if (!cors.empty())
    out.headers += "Access-Control-Allow-Methods: " + allowed
                   + "\r\nAccess-Control-Allow-Headers: Authorization, "
                     "Content-Type, Last-Event-ID, Range\r\n"
                     "Access-Control-Max-Age: 600\r\n";
  return out;
}

bool is_json(std::string_view type) {
  type = type.substr(0, type.find(';'));
  while (type.ends_with(' ') || type.ends_with('\t'))
    type.remove_suffix(1);
  return beast::iequals({type.data(), type.size()}, "application/json");
}

bool has_body(const header_type& head) {
  return head.count(field::transfer_encoding) > 0
         || (head.count(field::content_length) > 0
             && head[field::content_length] != "0");
}

std::optional<reply> check_use(const operation& what, const header_type& head,
                               const named_values& query) {
  if (const auto name = unknown_parameter(what, query); !name.empty())
    return error_reply(
      make_error(ec::invalid_request,
                 "there is no parameter '" + std::string{name} + "' here",
                 std::string{name}));
  const auto type = view_of(head[field::content_type]);
  if (what.request.make && !type.empty() && has_body(head) && !is_json(type))
    return error_reply(make_error(ec::unsupported_media,
                                  "the body must be application/json",
                                  "Content-Type"));
  const auto expects = head[field::expect];
  if (!expects.empty() && !beast::iequals(expects, "100-continue"))
    return error_reply(417, make_error(ec::invalid_request,
                                       "only 100-continue can be expected",
                                       "Expect"));
  return {};
}

std::optional<reply> check_upgrade(const header_type& head) {
  if (beast::http::token_list{head[field::upgrade]}.exists("websocket"))
    return {};
  auto out = error_reply(426, make_error(ec::invalid_request,
                                         "this port speaks WebSocket only",
                                         "Upgrade"));
  out.headers = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
  return out;
}

/// A request's head and what it was taken apart into.
struct arrival {
  door_kind kind;
  const header_type& head;
  visitor who;
  route_match route;
};

visitor visitor_of(const header_type& head, const peer_info& peer,
                   const named_values& query) {
  auto who = visitor{};
  who.host = view_of(head[field::host]);
  who.origin = view_of(head[field::origin]);
  who.authorization = view_of(head[field::authorization]);
  who.peer = peer.address;
  who.peer_on_loopback = peer.on_loopback;
  if (const auto* ticket = find_value(query, "ticket"))
    who.ticket = *ticket;
  return who;
}

// Who it is. OPTIONS is answered before credentials are asked for: a browser's
// preflight request has none.
std::optional<reply> check_entry(authenticator& auth, const arrival& it,
                                 const std::string& cors) {
  if (auto err = check_form(it.head))
    return error_reply(err);
  const auto& allowed = it.route.allowed;
  if (view_of(it.head.method_string()) == "OPTIONS" && !allowed.empty()
      && it.kind == door_kind::api) {
    const auto err = auth.check_source(it.who);
    return err ? error_reply(err) : options_reply(allowed, cors);
  }
  const auto verdict = auth.admit(it.who, place_of(it.kind, it.route.found));
  if (verdict.error)
    return admission_refusal(verdict);
  return {};
}

// What it wants.
std::optional<reply> check_purpose(const arrival& it,
                                   const named_values& query) {
  if (it.kind == door_kind::websocket)
    return check_upgrade(it.head);
  if (!it.route.found)
    return route_refusal(it.head, it.route.allowed);
  return check_use(*it.route.found, it.head, query);
}

} // namespace

judged_request judge(authenticator& auth, door_kind kind,
                     const header_type& head, const peer_info& peer) {
  auto out = judged_request{};
  auto target = parse_target(view_of(head.target()));
  if (!target) {
    out.refusal = error_reply(target.error());
    return out;
  }
  out.target = std::move(*target);
  auto it = arrival{
    kind, head, visitor_of(head, peer, out.target.query),
    find_route(operations(), view_of(head.method_string()), out.target)};
  out.cors = auth.cors_lines(it.who.origin);
  out.refusal = check_entry(auth, it, out.cors);
  if (!out.refusal)
    out.refusal = check_purpose(it, out.target.query);
  out.what = it.route.found;
  out.captures = std::move(it.route.captures);
  return out;
}

} // namespace ocw::net
