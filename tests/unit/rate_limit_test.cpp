#include "net/rate_limit.hpp"

#include "support/catch.hpp"

using namespace ocw;
using namespace ocw::net;
using namespace std::chrono_literals;

namespace {

const auto start = rate_limiter::time_point{} + 1h;

} // namespace

TEST_CASE("a minute's worth may come at once, then one has to wait") {
  auto limiter = rate_limiter{};
  for (auto i = 0; i < 60; ++i)
    REQUIRE(limiter.take("a", 60, start) == 0);
  CHECK(limiter.take("a", 60, start) == 1);
  CHECK(limiter.take("a", 60, start + 500ms) == 1);
  CHECK(limiter.take("a", 60, start + 1001ms) == 0);
  CHECK(limiter.take("a", 60, start + 1001ms) == 1);
}

TEST_CASE("the time to wait is told in whole seconds, rounded up") {
  auto limiter = rate_limiter{};
  REQUIRE(limiter.take("a", 1, start) == 0);
  CHECK(limiter.take("a", 1, start) == 60);
  CHECK(limiter.take("a", 1, start + 59500ms) == 1);
}

TEST_CASE("one key's use does not slow another") {
  auto limiter = rate_limiter{};
  REQUIRE(limiter.take("a", 1, start) == 0);
  REQUIRE(limiter.take("a", 1, start) > 0);
  CHECK(limiter.take("b", 1, start) == 0);
}

TEST_CASE("a clock that goes back gives nothing away and takes nothing") {
  auto limiter = rate_limiter{};
  REQUIRE(limiter.take("a", 2, start) == 0);
  CHECK(limiter.take("a", 2, start - 1h) == 0);
  CHECK(limiter.take("a", 2, start - 1h) > 0);
}

TEST_CASE("no limit counts nobody") {
  auto limiter = rate_limiter{};
  CHECK(limiter.take("a", 0, start) == 0);
  CHECK(limiter.size() == 0);
}

TEST_CASE("the table is bounded, and who was here last stays") {
  auto limiter = rate_limiter{3};
  for (const auto* key : {"a", "b", "c"})
    REQUIRE(limiter.take(key, 1, start) == 0);
  REQUIRE(limiter.take("a", 1, start) > 0);
  REQUIRE(limiter.take("d", 1, start) == 0);
  CHECK(limiter.size() == 3);
  CHECK(limiter.take("a", 1, start) > 0);
  CHECK(limiter.take("b", 1, start) == 0);
}

TEST_CASE("the limit is off on loopback unless it is set") {
  auto settings = api_config{};
  CHECK(effective_rpm(settings) == 0);
  settings.host = "0.0.0.0";
  CHECK(effective_rpm(settings) == 1000);
  settings.rate_limit_rpm = 0;
  CHECK(effective_rpm(settings) == 0);
  settings.rate_limit_rpm = 5;
  settings.host = "127.0.0.1";
  CHECK(effective_rpm(settings) == 5);
}

TEST_CASE("all addresses of one IPv6 network count as one") {
  CHECK(rate_key("2001:db8::1") == rate_key("2001:db8::ffff:2"));
  CHECK(rate_key("2001:db8::1") != rate_key("2001:db8:0:1::1"));
  CHECK(rate_key("192.0.2.1") == "192.0.2.1");
}

TEST_CASE("only loopback is loopback") {
  for (const auto* host : {"localhost", "127.0.0.1", "127.9.9.9", "::1"})
    CHECK(is_loopback_host(host));
  for (const auto* host : {"0.0.0.0", "128.0.0.1", "::", "localhost.evil.org",
                           "127.0.0.1.evil.org", ""})
    CHECK_FALSE(is_loopback_host(host));
}
