#include "app/event_follower.hpp"
#include "app/http_client.hpp"
#include "app/node_answer.hpp"
#include "app/sse_reader.hpp"
#include "messages/event_json.hpp"
#include "ocw/errors.hpp"

#include "support/catch.hpp"
#include "support/scripted_server.hpp"
#include "support/texts.hpp"

using namespace ocw;
using test::has;
using test::scripted_server;
using namespace std::chrono_literals;

namespace {

using peer = scripted_server::peer;

constexpr auto chunked_head
  = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr auto event_head = "HTTP/1.1 200 OK\r\nContent-Type: "
                            "text/event-stream\r\nTransfer-Encoding: "
                            "chunked\r\n\r\n";

http_client client_of(const scripted_server& server, std::string token = {}) {
  const auto where = parse_url(server.url());
  REQUIRE(where);
  return http_client{*where, {.token = std::move(token)}};
}

/// An event as the node sends it.
std::string sse_text(const job_event& event) {
  auto out = "id: " + std::to_string(event.seq)
             + "\nevent: " + to_string(event.type) + "\ndata: ";
  append_event_json(out, event);
  return out + "\n\n";
}

job_event event_of(event_type type, uint64_t seq) {
  auto event = job_event{};
  event.type = type;
  event.job_id = "j";
  event.seq = seq;
  return event;
}

std::string output_event(uint64_t seq, std::string bytes) {
  auto event = event_of(event_type::job_output, seq);
  event.output = output_chunk{output_stream::out, 0, std::move(bytes), false};
  return sse_text(event);
}

std::string last_event(uint64_t seq) {
  auto event = event_of(event_type::job_complete, seq);
  event.result = job_result{};
  event.result->job_id = "j";
  event.result->status = job_status::finished;
  event.result->exit_code = 0;
  return sse_text(event);
}

follow_options hasty(unsigned attempts) {
  return {.attempts = attempts, .first_pause = 1ms, .longest_pause = 1ms};
}

} // namespace

// -- URLs ---------------------------------------------------------------------

TEST_CASE("a url gives host, port and prefix") {
  const auto plain = parse_url("http://127.0.0.1:3000/");
  REQUIRE(plain);
  CHECK(plain->host == "127.0.0.1");
  CHECK(plain->port == 3000);
  CHECK(url_of(*plain) == "http://127.0.0.1:3000");
  const auto proxied = parse_url("https://[::1]/ocw/");
  REQUIRE(proxied);
  CHECK(proxied->tls);
  CHECK(proxied->host == "::1");
  CHECK(proxied->port == 443);
  CHECK(url_of(*proxied) == "https://[::1]/ocw");
  CHECK(authority_of(*proxied) == "[::1]");
}

TEST_CASE("what is no url is refused, and a password in one not repeated") {
  for (const auto* text :
       {"", "localhost:3000", "ftp://x", "http://", "http://:80", "http://h:0",
        "http://h:99999", "http://h:8x", "http://h/?a=b", "http://h\r\nX: y",
        "http://[::1"})
    CHECK_FALSE(parse_url(text));
  const auto named = parse_url("http://me:hunter2@host");
  REQUIRE_FALSE(named);
  CHECK_FALSE(has(sentence_of(named.error()), "hunter2"));
}

TEST_CASE("what goes into a path is encoded") {
  CHECK(percent_encoded("a b/ä?") == "a%20b%2F%C3%A4%3F");
  CHECK(percent_encoded("a/b#c", "/") == "a/b%23c");
}

// -- requests -----------------------------------------------------------------

TEST_CASE("a connection is kept for the next request") {
  auto server = scripted_server{{[](peer& client) {
    client.receive();
    client.answer("200 OK", "one");
    client.receive();
    client.answer("404 Not Found", "two");
  }}};
  auto client = client_of(server, "the-token");
  const auto first = client.request({.target = "/a"});
  REQUIRE(first);
  CHECK(first->body == "one");
  const auto second
    = client.request({.method = "POST", .target = "/b", .body = "{}"});
  REQUIRE(second);
  CHECK(second->status == 404);
  CHECK(second->body == "two");
  const auto seen = server.requests();
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].starts_with("GET /a HTTP/1.1\r\n"));
  CHECK(has(seen[0], "Authorization: Bearer the-token\r\n"));
  CHECK(has(seen[0], "Host: 127.0.0.1:" + std::to_string(server.port())));
  CHECK(has(seen[1], "Content-Length: 2\r\n"));
  CHECK(seen[1].ends_with("\r\n\r\n{}"));
}

TEST_CASE("a connection the node closed in between is made again") {
  auto server = scripted_server{{[](peer& client) {
                                   client.receive();
                                   client.answer("200 OK", "one");
                                 },
                                 [](peer& client) {
                                   client.receive();
                                   client.answer("200 OK", "two");
                                 }}};
  auto client = client_of(server);
  REQUIRE(client.request({.target = "/"}));
  const auto second = client.request({.target = "/"});
  REQUIRE(second);
  CHECK(second->body == "two");
}

TEST_CASE("what a kept connection swallowed is sent again if it may be") {
  const auto swallow_second = [](peer& client) {
    client.receive();
    client.answer("200 OK", "one");
    client.receive();
  };
  const auto answer_third = [](peer& client) {
    if (client.receive())
      client.answer("200 OK", "two");
  };
  auto server = scripted_server{{swallow_second, answer_third}};
  auto client = client_of(server);
  REQUIRE(client.request({.target = "/"}));
  const auto again = client.request({.target = "/"});
  REQUIRE(again);
  CHECK(again->body == "two");
  auto careful = scripted_server{{swallow_second, answer_third}};
  auto other = client_of(careful);
  REQUIRE(other.request({.target = "/"}));
  CHECK_FALSE(other.request(
    {.method = "POST", .target = "/", .body = "x", .repeatable = false}));
  CHECK(careful.requests().size() == 2);
}

TEST_CASE("a chunked body arrives piece by piece and whole") {
  auto server = scripted_server{{[](peer& client) {
    client.receive();
    client.send(chunked_head);
    client.send_chunk(std::string_view{"a\0b", 3});
    client.send_chunk(std::string(100'000, 'x'));
    client.send("0\r\n\r\n");
    client.receive();
    client.answer("200 OK", "next");
  }}};
  auto client = client_of(server);
  auto body = std::string{};
  const auto answer
    = client.stream({.target = "/"}, [&](std::string_view piece) {
        body += piece;
        return true;
      });
  REQUIRE(answer);
  CHECK(answer->body.empty());
  CHECK(body == std::string{"a\0b", 3} + std::string(100'000, 'x'));
  const auto next = client.request({.target = "/"});
  REQUIRE(next);
  CHECK(next->body == "next");
}

TEST_CASE("an error's body is the answer's, not the stream's") {
  auto server = scripted_server{{[](peer& client) {
    client.receive();
    client.answer("404 Not Found",
                  R"({"error":"no such job","code":"not_found"})");
  }}};
  auto client = client_of(server);
  const auto answer = client.stream({.target = "/"}, [](std::string_view) {
    FAIL("handed out");
    return true;
  });
  REQUIRE(answer);
  const auto err = refusal_of(*answer);
  CHECK(code_of(err) == ec::not_found);
  CHECK(sentence_of(err) == "no such job");
  CHECK_FALSE(is_unreachable(err));
}

TEST_CASE("a receiver that has enough ends the transfer without an error") {
  auto server = scripted_server{{[](peer& client) {
    client.receive();
    client.send(chunked_head);
    client.send_chunk("first");
    client.receive(); // the client goes away
  }}};
  auto client = client_of(server);
  const auto answer
    = client.stream({.target = "/"}, [](std::string_view) { return false; });
  CHECK(answer);
}

TEST_CASE("a body that breaks off is an error") {
  auto server = scripted_server{{[](peer& client) {
    client.receive();
    client.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  }}};
  auto client = client_of(server);
  auto body = std::string{};
  const auto answer
    = client.stream({.target = "/"}, [&](std::string_view piece) {
        body += piece;
        return true;
      });
  REQUIRE_FALSE(answer);
  CHECK(is_unreachable(answer.error()));
  CHECK(body == "half");
}

TEST_CASE("an answer that does not come is an error after the patience") {
  auto server = scripted_server{{[](peer& client) {
    client.receive();
    client.receive(); // until the client gives up
  }}};
  auto client = client_of(server);
  const auto answer = client.request({.target = "/", .patience = 20ms});
  REQUIRE_FALSE(answer);
  CHECK(has(sentence_of(answer.error()), "no answer"));
}

TEST_CASE("a node that is not there is named in the error") {
  auto url = std::string{};
  {
    auto server = scripted_server{{}};
    url = server.url();
  }
  auto client = http_client{*parse_url(url), {}};
  const auto answer = client.request({.target = "/"});
  REQUIRE_FALSE(answer);
  CHECK(is_unreachable(answer.error()));
  CHECK(has(sentence_of(answer.error()), url));
  CHECK(has(sentence_of(answer.error()), "refused"));
}

// -- event streams ------------------------------------------------------------

TEST_CASE("an event stream may be cut anywhere") {
  const auto text = std::string{": hello\r\nid: 1\nevent: a\ndata: x\n"
                                "data: y\n\n\nid: 2\ndata:z\n\n"};
  for (auto size = size_t{1}; size <= text.size(); ++size) {
    auto reader = sse_reader{};
    auto seen = std::string{};
    for (auto at = size_t{0}; at < text.size(); at += size)
      reader.feed(std::string_view{text}.substr(at, size),
                  [&](const sse_event& event) {
                    seen += event.id + event.type + event.data + ";";
                    return true;
                  });
    CHECK(seen == "1ax\ny;2z;");
  }
}

TEST_CASE("events go on behind the last one after the connection broke") {
  auto server = scripted_server{
    {[](peer& client) {
       client.receive();
       client.send(event_head);
       client.send_chunk(output_event(1, "one ") + output_event(2, "two "));
       client.send_chunk(output_event(3, "lost").substr(0, 30));
     },
     [](peer& client) {
       client.receive();
       client.answer("503 Service Unavailable", "{}");
     },
     [](peer& client) {
       client.receive();
       client.send(event_head);
       // A node may send more than it was asked for.
       client.send_chunk(output_event(2, "two ")
                         + output_event(3, std::string{"\xFF\0", 2}));
       client.send_chunk(last_event(4));
       client.send("0\r\n\r\n");
     }}};
  auto client = client_of(server);
  auto bytes = std::string{};
  auto ended = 0;
  const auto err
    = follow_events(client, "j", hasty(3), [&](const job_event& event) {
        if (event.output)
          bytes += event.output->chunk;
        if (event.result)
          ++ended;
        return true;
      });
  CHECK_FALSE(err);
  CHECK(bytes == std::string{"one two \xFF\0", 10});
  CHECK(ended == 1);
  const auto seen = server.requests();
  REQUIRE(seen.size() == 3);
  CHECK_FALSE(has(seen[0], "Last-Event-ID"));
  CHECK(has(seen[1], "Last-Event-ID: 2\r\n"));
  CHECK(has(seen[2], "Last-Event-ID: 2\r\n"));
}

TEST_CASE("following gives up when the node stays away") {
  const auto close = [](peer& client) { client.receive(); };
  auto server = scripted_server{{close, close, close}};
  auto client = client_of(server);
  const auto err = follow_events(client, "j", hasty(2),
                                 [](const job_event&) { return true; });
  CHECK(is_unreachable(err));
  CHECK(server.requests().size() == 3);
}

TEST_CASE("a missing event is an error, not a silent gap") {
  auto server = scripted_server{{[](peer& client) {
    client.receive();
    client.send(event_head);
    client.send_chunk(output_event(1, "a") + output_event(3, "c"));
    client.receive();
  }}};
  auto client = client_of(server);
  auto count = 0;
  const auto err = follow_events(client, "j", hasty(0), [&](const job_event&) {
    ++count;
    return true;
  });
  CHECK(code_of(err) == ec::internal);
  CHECK(has(sentence_of(err), "event 2 is missing"));
  CHECK(count == 1);
}

TEST_CASE("a job that is not there ends following at once") {
  auto server = scripted_server{{[](peer& client) {
    client.receive();
    client.answer("404 Not Found",
                  R"({"error":"no job j","code":"not_found"})");
  }}};
  auto client = client_of(server);
  const auto err = follow_events(client, "j", hasty(5),
                                 [](const job_event&) { return true; });
  CHECK(code_of(err) == ec::not_found);
}
