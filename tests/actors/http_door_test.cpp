#include "support/catch.hpp"
#include "support/http_client.hpp"
#include "support/http_node.hpp"

#include <nlohmann/json.hpp>

#include <string>

using namespace ocw;
using namespace ocw::test;
using nlohmann::json;

namespace {

std::string code_in(const http_answer& answer) {
  const auto body = json::parse(answer.body);
  CHECK(body.at("error").is_string());
  CHECK(body.at("details").is_object());
  CHECK(body.at("timestamp").is_string());
  return body.at("code");
}

constexpr auto as_json = "Content-Type: application/json\r\n";

} // namespace

TEST_CASE("every kind of error has its status and its shape") {
  auto node = http_node{};
  auto client = http_client{node.port()};
  const auto expected = std::map<std::string, unsigned>{
    {"invalid_request", 400},   {"limit_exceeded", 400},
    {"unauthorized", 401},      {"forbidden", 403},
    {"not_found", 404},         {"conflict", 409},
    {"not_ended", 409},         {"already_ended", 409},
    {"payload_too_large", 413}, {"unsupported_media", 415},
    {"policy_denied", 422},     {"isolation_unavailable", 422},
    {"rate_limited", 429},      {"unavailable", 503},
    {"launch_failed", 503},     {"internal", 500},
    {"egress_denied", 403}};
  for (const auto& [code, status] : expected) {
    INFO(code);
    const auto answer = client.ask("GET", "/v1/jobs/fails-" + code);
    CHECK(answer.status == status);
    CHECK(code_in(answer) == code);
    CHECK(answer.header("retry-after").empty() == (code != "unavailable"));
  }
}

TEST_CASE("every answer says what it is and is not to be guessed or kept") {
  auto node = http_node{};
  auto client = http_client{node.port()};
  for (const auto* path : {"/healthz", "/v1/jobs", "/nothing", "/metrics"}) {
    INFO(path);
    const auto answer = client.ask("GET", path);
    CHECK(answer.header("x-content-type-options") == "nosniff");
    CHECK(answer.header("cache-control") == "no-store");
    CHECK_FALSE(answer.header("content-type").empty());
    CHECK_FALSE(answer.header("content-length").empty());
  }
}

TEST_CASE("without the token only health and local metrics answer") {
  auto node = http_node{};
  auto client = http_client{node.port(), "wrong"};
  for (const auto* path : {"/healthz", "/health", "/metrics"})
    CHECK(client.ask("GET", path).status == 200);
  CHECK(client.ask("GET", "/ready").status == 503);
  for (const auto* path :
       {"/v1/jobs", "/v1/metrics", "/openapi.json", "/v1/stream", "/nothing"}) {
    INFO(path);
    const auto answer = client.ask("GET", path);
    CHECK(answer.status == 401);
    CHECK(answer.header("www-authenticate") == "Bearer");
    CHECK(code_in(answer) == "unauthorized");
  }
}

TEST_CASE("a token in the query is no token") {
  auto node = http_node{};
  auto client = http_client{node.port(), "wrong"};
  CHECK(client.ask("GET", "/v1/jobs?token=the-token").status == 401);
  CHECK(client.ask("GET", "/v1/jobs?ticket=the-token").status == 401);
}

TEST_CASE("a foreign Host or Origin is turned away, even with the token") {
  auto node = http_node{};
  auto client = http_client{node.port()};
  CHECK(client.ask("GET", "/v1/jobs", "Origin: http://evil.example\r\n").status
        == 403);
  client.say("GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n");
  CHECK(client.hear().status == 403);
  client.say("GET /healthz HTTP/1.1\r\n\r\n");
  CHECK(client.hear().status == 400);
  CHECK(client.ask("GET", "/v1/jobs", "Origin: http://127.0.0.1\r\n").status
        == 200);
}

TEST_CASE("pages of the configured origin may ask and read") {
  auto node = http_node{
    [](config& settings) { settings.api.cors_origin = "https://app.example"; }};
  auto client = http_client{node.port(), "wrong"};
  constexpr auto origin = "Origin: https://app.example\r\n";
  const auto preflight = client.ask("OPTIONS", "/v1/jobs", origin);
  CHECK(preflight.status == 204);
  CHECK(preflight.header("access-control-allow-origin")
        == "https://app.example");
  CHECK(preflight.header("access-control-allow-methods")
        == "POST, GET, HEAD, OPTIONS");
  const auto refused = client.ask("GET", "/v1/jobs", origin);
  CHECK(refused.status == 401);
  CHECK(refused.header("access-control-allow-origin") == "https://app.example");
  CHECK(
    client.ask("OPTIONS", "/v1/jobs", "Origin: https://evil.example\r\n").status
    == 403);
}

TEST_CASE("OPTIONS tells the verbs and, without CORS, nothing more") {
  auto node = http_node{};
  auto client = http_client{node.port(), "wrong"};
  const auto answer = client.ask("OPTIONS", "/v1/jobs/a");
  CHECK(answer.status == 204);
  CHECK(answer.header("allow") == "GET, HEAD, DELETE, OPTIONS");
  CHECK(answer.header("access-control-allow-methods").empty());
  CHECK(client.ask("OPTIONS", "/nothing").status == 401);
}

TEST_CASE("a ticket lets a browser open one stream") {
  auto node = http_node{};
  auto owner = http_client{node.port()};
  const auto grant = owner.ask("POST", "/v1/tickets");
  REQUIRE(grant.status == 201);
  const auto ticket = json::parse(grant.body).at("ticket").get<std::string>();
  auto browser = http_client{node.port(), "none"};
  CHECK(browser.ask("GET", "/v1/jobs?ticket=" + ticket).status == 401);
  // It is let in, and learns that there is no such job.
  CHECK(browser.ask("GET", "/v1/jobs/x/events?ticket=" + ticket).status == 404);
  CHECK(browser.ask("GET", "/v1/jobs/x/events?ticket=" + ticket).status == 401);
}

TEST_CASE("unknown paths, verbs and parameters are told apart") {
  auto node = http_node{};
  auto client = http_client{node.port()};
  CHECK(client.ask("GET", "/nothing").status == 404);
  const auto answer = client.ask("PATCH", "/v1/jobs");
  CHECK(answer.status == 405);
  CHECK(answer.header("allow") == "POST, GET, HEAD, OPTIONS");
  const auto misspelt = client.ask("GET", "/v1/jobs?limti=1");
  CHECK(misspelt.status == 400);
  CHECK(json::parse(misspelt.body).at("details").at("field") == "limti");
  CHECK(client.ask("GET", "/v1/jobs/%2e%2e/x").status == 400);
}

TEST_CASE("HEAD answers like GET, without the body") {
  auto node = http_node{};
  auto client = http_client{node.port()};
  const auto full = client.ask("GET", "/healthz");
  const auto head = client.ask("HEAD", "/healthz");
  CHECK(head.status == 200);
  CHECK(head.header("content-length") == full.header("content-length"));
  CHECK(full.body == R"({"status":"ok"})");
  // Nothing of a body is left over on the connection.
  CHECK(client.ask("GET", "/healthz").body == full.body);
}

TEST_CASE("requests that come all at once are answered in their order") {
  auto node = http_node{};
  auto client = http_client{node.port()};
  auto text = std::string{};
  for (auto i = 0; i < 50; ++i)
    text += "GET /v1/jobs?limit=" + std::to_string(i + 1)
            + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
              "the-token\r\n\r\n";
  client.say(text);
  for (auto i = 0; i < 50; ++i) {
    const auto answer = client.hear();
    REQUIRE(answer.status == 200);
    CHECK(json::parse(answer.body).at("next_cursor") == std::to_string(i + 1));
  }
}

TEST_CASE("a connection is kept or closed as the client asks") {
  auto node = http_node{};
  auto closing = http_client{node.port()};
  const auto last = closing.ask("GET", "/healthz", "Connection: close\r\n");
  CHECK(last.header("connection") == "close");
  CHECK(closing.is_closed());
  auto old = http_client{node.port()};
  old.say("GET /healthz HTTP/1.0\r\n\r\n");
  CHECK(old.hear().status == 200);
  CHECK(old.is_closed());
  auto kept = http_client{node.port()};
  for (auto i = 0; i < 2; ++i) {
    kept.say("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    CHECK(kept.hear().header("connection") == "keep-alive");
  }
}

TEST_CASE("a body over the limit is refused and the connection closed") {
  auto node = http_node{[](config& settings) { settings.api.max_body_mb = 1; }};
  const auto too_much = std::string((size_t{1} << 20) + 1, ' ');
  SECTION("when its length is announced") {
    auto client = http_client{node.port()};
    const auto answer = client.ask("POST", "/v1/jobs", as_json, too_much);
    CHECK(answer.status == 413);
    CHECK(code_in(answer) == "payload_too_large");
    CHECK(answer.header("connection") == "close");
  }
  SECTION("when it comes in chunks") {
    auto client = http_client{node.port()};
    client.say("POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nAuthorization: "
               "Bearer the-token\r\nTransfer-Encoding: chunked\r\n\r\n"
               "100001\r\n"
               + too_much + "\r\n0\r\n\r\n");
    CHECK(client.hear().status == 413);
  }
  SECTION("but just below it is read") {
    auto client = http_client{node.port()};
    const auto fits = std::string(size_t{1} << 20, ' ');
    CHECK(client.ask("POST", "/v1/jobs", as_json, fits).status == 400);
    CHECK(client.ask("GET", "/healthz").status == 200);
  }
}

TEST_CASE("strangers' bodies are not read") {
  auto node = http_node{};
  auto client = http_client{node.port(), "wrong"};
  client.say("POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\n"
             "Content-Length: 60000000\r\n\r\n");
  const auto answer = client.hear();
  CHECK(answer.status == 401);
  CHECK(answer.header("connection") == "close");
}

TEST_CASE("a client that asks first is told to go on, or not to") {
  auto node = http_node{};
  auto client = http_client{node.port()};
  constexpr auto body = std::string_view{R"({"command":"true"})"};
  client.say("POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nAuthorization: "
             "Bearer the-token\r\nExpect: 100-continue\r\nContent-Length: "
             + std::to_string(body.size()) + "\r\n\r\n");
  CHECK(client.hear().status == 100);
  client.say(body);
  CHECK(client.hear().status == 201);
  auto stranger = http_client{node.port()};
  stranger.say("POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\n"
               "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  CHECK(stranger.hear().status == 401);
}

TEST_CASE("a body of another type is refused, an untyped one is read") {
  auto node = http_node{};
  auto client = http_client{node.port()};
  constexpr auto body = R"({"command":"true"})";
  const auto form
    = client.ask("POST", "/v1/jobs",
                 "Content-Type: application/x-www-form-urlencoded\r\n", body);
  CHECK(form.status == 415);
  CHECK(code_in(form) == "unsupported_media");
  CHECK(client.ask("POST", "/v1/jobs", {}, body).status == 201);
  CHECK(client
          .ask("POST", "/v1/jobs",
               "Content-Type: Application/JSON; charset=utf-8\r\n", body)
          .status
        == 201);
}

TEST_CASE("what is not HTTP is answered once and closed") {
  auto node = http_node{};
  for (const auto* text :
       {"nonsense\r\n\r\n", "GET / HTTP/3.0\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost : a\r\n\r\n",
        "POST /v1/jobs HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"}) {
    INFO(text);
    auto client = http_client{node.port()};
    client.say(text);
    client.finish();
    const auto answer = client.hear();
    CHECK(answer.status == 400);
    CHECK(code_in(answer) == "invalid_request");
    CHECK(client.is_closed());
  }
}

TEST_CASE("a head over 16 KiB is refused") {
  auto node = http_node{};
  auto client = http_client{node.port()};
  const auto answer
    = client.ask("GET", "/healthz", "X: " + std::string(17000, 'x') + "\r\n");
  CHECK(answer.status == 431);
  CHECK(client.is_closed());
}

TEST_CASE("a client over the rate gets 429 and when to come again") {
  auto node
    = http_node{[](config& settings) { settings.api.rate_limit_rpm = 2; }};
  auto client = http_client{node.port()};
  CHECK(client.ask("GET", "/v1/jobs").status == 200);
  CHECK(client.ask("GET", "/v1/jobs").status == 200);
  const auto late = client.ask("GET", "/v1/jobs");
  CHECK(late.status == 429);
  CHECK_FALSE(late.header("retry-after").empty());
  CHECK(client.ask("GET", "/healthz").status == 200);
}

TEST_CASE("a port that is taken is explained") {
  auto node = http_node{};
  auto settings = config{};
  auto io = net::asio::io_context{};
  auto bridge = net::node_bridge{io, dispatcher_actor{}};
  auto auth = net::authenticator{settings, "t"};
  auto door = net::door{bridge, settings, auth, ""};
  auto second = net::listener{door, net::door_kind::api};
  const auto taken = second.open("127.0.0.1", node.port());
  REQUIRE_FALSE(taken);
  const auto sentence = sentence_of(taken.error());
  CHECK_THAT(sentence, Catch::Contains("is in use on 127.0.0.1"));
  CHECK_THAT(sentence, Catch::Contains("set --api.port"));
  CHECK(second.open("127.0.0.1", 0));
}

TEST_CASE("the WebSocket port takes nothing but upgrades") {
  auto node = http_node{{}, net::door_kind::websocket};
  auto client = http_client{node.port()};
  CHECK(client.ask("GET", "/healthz").status == 426);
  auto stranger = http_client{node.port(), "wrong"};
  CHECK(stranger.ask("GET", "/any").status == 401);
  auto upgrading = http_client{node.port()};
  const auto answer
    = upgrading.ask("GET", "/any/path",
                    "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                    "Sec-WebSocket-Version: 13\r\n"
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
  CHECK(answer.status == 101);
}

TEST_CASE("a client that leaves in the middle of a request costs nothing") {
  auto node = http_node{};
  for (const auto* text : {"", "GET /hea",
                           "POST /v1/jobs HTTP/1.1\r\nHost: "
                           "localhost\r\nAuthorization: Bearer "
                           "the-token\r\nContent-Length: "
                           "9\r\n\r\nabc"}) {
    auto client = http_client{node.port()};
    client.say(text);
  }
  auto other = http_client{node.port()};
  CHECK(other.ask("GET", "/healthz").status == 200);
  while (node.connections() > 1)
    std::this_thread::yield();
}
