#include "support/catch.hpp"
#include "support/http_client.hpp"
#include "support/http_node.hpp"

using namespace ocw;
using namespace ocw::test;

namespace {

std::string head_for(size_t body_bytes) {
  return "POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer "
         "the-token\r\nContent-Type: application/json\r\nContent-Length: "
         + std::to_string(body_bytes) + "\r\n\r\n";
}

} // namespace

TEST_CASE("a body that only drips is given up, whatever the drops") {
  auto node = http_node{{},
                        net::door_kind::api,
                        {.reading = std::chrono::milliseconds{200},
                         .body_bytes_per_second = 1 << 20}};
  auto client = http_client{node.port()};
  client.say(head_for(100'000));
  const auto begun = std::chrono::steady_clock::now();
  auto drops = 0;
  // Every drop would renew a timeout between two reads.
  while (!client.can_hear(std::chrono::milliseconds{20}) && ++drops < 400)
    client.say("x");
  CHECK(drops < 400);
  CHECK(std::chrono::steady_clock::now() - begun
        >= std::chrono::milliseconds{190});
  const auto answer = client.hear();
  CHECK(answer.status == 408);
  CHECK_THAT(answer.body, Catch::Contains("too slowly"));
  CHECK(answer.header("connection") == "close");
}

TEST_CASE("a body that comes at a fair rate may take its time") {
  auto node = http_node{
    {},
    net::door_kind::api,
    {.reading = std::chrono::milliseconds{400}, .body_bytes_per_second = 1000}};
  auto client = http_client{node.port()};
  const auto body = R"({"command":")" + std::string(4000, 'x') + R"("})";
  client.say(head_for(body.size()));
  // Longer on the whole than one read may take.
  for (auto at = size_t{0}; at < body.size(); at += 200) {
    client.say(std::string_view{body}.substr(at, 200));
    CHECK_FALSE(client.can_hear(
      std::chrono::milliseconds{at + 200 < body.size() ? 30 : 0}));
  }
  CHECK(client.hear().status == 201);
}

TEST_CASE("a head that does not come to its end is given up") {
  auto node = http_node{
    {}, net::door_kind::api, {.reading = std::chrono::milliseconds{150}}};
  auto slow = http_client{node.port()};
  slow.say("GET /healthz HTTP/1.1\r\nHost: 127");
  CHECK(slow.hear().status == 408);
  auto silent = http_client{node.port()};
  CHECK(silent.is_closed());
  CHECK(silent.ask("GET", "/healthz").status == 0);
}
