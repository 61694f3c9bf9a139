#include "net/auth.hpp"
#include "ocw/errors.hpp"

#include "support/catch.hpp"

using namespace ocw;
using namespace ocw::net;

namespace {

visitor local_visitor() {
  auto who = visitor{};
  who.host = "127.0.0.1:3000";
  who.peer = "127.0.0.1";
  who.peer_on_loopback = true;
  return who;
}

struct fixture {
  config settings;
  authenticator auth{settings, "secret"};

  ec admit(const visitor& who, visited what = visited::anything_else) {
    const auto verdict = auth.admit(who, what);
    return verdict.error ? code_of(verdict.error) : ec::none;
  }

  ec from_host(std::string_view host) {
    auto who = local_visitor();
    who.host = host;
    return admit(who, visited::health);
  }

  ec from_origin(std::string_view origin,
                 std::string_view host = "127.0.0.1:3000") {
    auto who = local_visitor();
    who.host = host;
    who.origin = origin;
    return admit(who, visited::health);
  }
};

} // namespace

TEST_CASE_METHOD(fixture, "only the node's token opens the door") {
  auto who = local_visitor();
  CHECK(admit(who) == ec::unauthorized);
  for (const auto* wrong : {"Bearer ", "Bearer wrong", "Bearer secre",
                            "Bearer secrets", "Basic secret", "secret"}) {
    INFO(wrong);
    who.authorization = wrong;
    CHECK(admit(who) == ec::unauthorized);
  }
  for (const auto* right : {"Bearer secret", "bearer secret"}) {
    who.authorization = right;
    CHECK(admit(who) == ec::none);
  }
}

TEST_CASE("a node without a token lets nobody in") {
  const auto settings = config{};
  auto auth = authenticator{settings, ""};
  auto who = local_visitor();
  who.authorization = "Bearer ";
  CHECK(auth.admit(who, visited::anything_else).error);
}

TEST_CASE_METHOD(fixture, "health is open to all, metrics to loopback") {
  auto who = local_visitor();
  CHECK(admit(who, visited::health) == ec::none);
  CHECK(admit(who, visited::metrics) == ec::none);
  who.peer_on_loopback = false;
  CHECK(admit(who, visited::health) == ec::none);
  CHECK(admit(who, visited::metrics) == ec::unauthorized);
}

TEST_CASE_METHOD(fixture, "behind a proxy nobody counts as local") {
  settings.tls.terminated_upstream = true;
  settings.websocket.anonymous_loopback = true;
  CHECK(admit(local_visitor(), visited::metrics) == ec::unauthorized);
  CHECK(admit(local_visitor(), visited::websocket_port) == ec::unauthorized);
}

TEST_CASE_METHOD(fixture, "a ticket opens one stream, once") {
  const auto grant = auth.issue_ticket();
  REQUIRE(grant.ticket.size() == 48);
  auto who = local_visitor();
  who.ticket = grant.ticket;
  CHECK(admit(who, visited::anything_else) == ec::unauthorized);
  CHECK(admit(who, visited::stream) == ec::none);
  CHECK(admit(who, visited::stream) == ec::unauthorized);
  const auto other = auth.issue_ticket();
  CHECK(other.ticket != grant.ticket);
  who.ticket = other.ticket;
  CHECK(admit(who, visited::websocket_port) == ec::none);
}

TEST_CASE_METHOD(fixture, "unused tickets are bounded") {
  auto issued = 0;
  while (!auth.issue_ticket().ticket.empty())
    REQUIRE(++issued < 100000);
  CHECK(issued > 1000);
}

TEST_CASE_METHOD(fixture,
                 "the WebSocket port opens without a token only when told to") {
  CHECK(admit(local_visitor(), visited::websocket_port) == ec::unauthorized);
  settings.websocket.anonymous_loopback = true;
  CHECK(admit(local_visitor(), visited::websocket_port) == ec::none);
  CHECK(admit(local_visitor(), visited::stream) == ec::unauthorized);
  auto who = local_visitor();
  who.origin = "http://evil.example";
  CHECK(admit(who, visited::websocket_port) == ec::forbidden);
  who = local_visitor();
  who.peer_on_loopback = false;
  CHECK(admit(who, visited::websocket_port) == ec::unauthorized);
}

TEST_CASE_METHOD(fixture, "a Host header must name this node") {
  for (const auto* ours : {"127.0.0.1:3000", "localhost", "LOCALHOST:3000",
                           "localhost.", "[::1]:3000", "127.0.0.2", ""}) {
    INFO(ours);
    CHECK(from_host(ours) == ec::none);
  }
  for (const auto* foreign : {"evil.example", "evil.example:3000", "10.0.0.1",
                              "localhost.evil.example", "[::2]", "[::1"}) {
    INFO(foreign);
    CHECK(from_host(foreign) == ec::forbidden);
  }
  settings.api.host = "10.0.0.1";
  CHECK(from_host("10.0.0.1:3000") == ec::none);
  CHECK(from_host("10.0.0.2:3000") == ec::forbidden);
  settings.api.host = "0.0.0.0";
  CHECK(from_host("10.0.0.2:3000") == ec::none);
  CHECK(from_host("[2001:db8::1]:3000") == ec::none);
  CHECK(from_host("evil.example") == ec::forbidden);
}

TEST_CASE_METHOD(fixture,
                 "an Origin must be absent, our own or the named one") {
  CHECK(from_origin("") == ec::none);
  CHECK(from_origin("http://127.0.0.1:3000") == ec::none);
  CHECK(from_origin("http://127.0.0.1:8080") == ec::forbidden);
  CHECK(from_origin("http://evil.example") == ec::forbidden);
  CHECK(from_origin("null") == ec::forbidden);
  // A page whose name was made to point here is of its own origin, not ours.
  CHECK(from_origin("http://evil.example", "evil.example") == ec::forbidden);
  settings.api.cors_origin = "https://app.example";
  CHECK(from_origin("https://app.example") == ec::none);
  CHECK(from_origin("http://app.example") == ec::forbidden);
  CHECK(from_origin("https://app.example.evil") == ec::forbidden);
}

TEST_CASE_METHOD(fixture, "only the configured origin may read answers") {
  CHECK(auth.cors_lines("https://app.example").empty());
  CHECK(auth.cors_lines("").empty());
  settings.api.cors_origin = "https://app.example";
  CHECK(auth.cors_lines("").empty());
  CHECK(auth.cors_lines("https://other.example").empty());
  CHECK_THAT(auth.cors_lines("https://app.example"),
             Catch::Contains("Allow-Origin: https://app.example\r\n"));
}

TEST_CASE_METHOD(fixture, "too many requests are told when to come again") {
  settings.api.rate_limit_rpm = 1;
  auto who = local_visitor();
  CHECK(admit(who) == ec::unauthorized);
  const auto late = auth.admit(who, visited::anything_else);
  CHECK(code_of(late.error) == ec::rate_limited);
  CHECK(late.retry_after_s == 60);
  CHECK(admit(who, visited::health) == ec::none);
  // Guesses from one address do not lock the token's owner out.
  who.authorization = "Bearer secret";
  CHECK(admit(who) == ec::none);
  CHECK(admit(who) == ec::rate_limited);
}
