#include "net/egress_rules.hpp"

#include "ocw/errors.hpp"

#include "support/catch.hpp"

using namespace ocw;
using namespace ocw::net;

namespace ip = boost::asio::ip;

namespace {

egress_rules rules(const std::vector<std::string>& texts) {
  auto result = egress_rules::parse(texts);
  REQUIRE(result);
  return std::move(*result);
}

bool allows(const egress_rules& given, std::string_view where) {
  const auto target = read_egress_target(where);
  CAPTURE(where);
  REQUIRE(target);
  return given.allow(*target);
}

bool may_mean(const egress_rules& given, std::string_view named,
              const char* address) {
  const auto target = read_egress_target(named);
  REQUIRE(target);
  return given.may_mean(*target, ip::make_address(address));
}

} // namespace

// -- rules
// ----------------------------------------------------------------------

TEST_CASE("without a rule nothing is allowed", "[egress]") {
  CHECK_FALSE(allows(egress_rules{}, "example.org:443"));
  CHECK_FALSE(allows(rules({}), "127.0.0.1:80"));
}

TEST_CASE("a name is allowed at its port, in any case", "[egress]") {
  const auto given = rules({"Example.org:443", "any.example:*"});
  CHECK(allows(given, "example.org:443"));
  CHECK(allows(given, "EXAMPLE.ORG:443"));
  CHECK(allows(given, "example.org.:443"));
  CHECK_FALSE(allows(given, "example.org:80"));
  CHECK_FALSE(allows(given, "www.example.org:443"));
  CHECK_FALSE(allows(given, "example.org.evil.net:443"));
  CHECK(allows(given, "any.example:1"));
  CHECK(allows(given, "any.example:65535"));
}

TEST_CASE("a star is for the names below, at any depth", "[egress]") {
  const auto given = rules({"*.example.org:443"});
  CHECK(allows(given, "a.example.org:443"));
  CHECK(allows(given, "a.b.example.org:443"));
  CHECK_FALSE(allows(given, "example.org:443"));
  CHECK_FALSE(allows(given, "badexample.org:443"));
  CHECK_FALSE(allows(given, "a.example.org:80"));
  CHECK_FALSE(allows(given, "93.184.216.34:443"));
}

TEST_CASE("an address is allowed as itself, however it is written",
          "[egress]") {
  const auto given = rules({"127.0.0.1:80", "[2001:DB8::1]:*", "[::1]:8080"});
  CHECK(allows(given, "127.0.0.1:80"));
  CHECK(allows(given, "[::ffff:127.0.0.1]:80"));
  CHECK(allows(given, "[2001:db8:0:0::1]:22"));
  CHECK(allows(given, "[0:0:0:0:0:0:0:1]:8080"));
  CHECK_FALSE(allows(given, "127.0.0.2:80"));
  CHECK_FALSE(allows(given, "127.0.0.1:81"));
  CHECK_FALSE(allows(given, "localhost:80"));
  CHECK_FALSE(allows(given, "[::1]:80"));
}

TEST_CASE("a rule that is none is named, with what is wrong", "[egress]") {
  const auto cases = std::vector<std::pair<std::string, std::string>>{
    {"", "ends with a port"},
    {"example.org", "ends with a port"},
    {"[::1]", "ends with a port"},
    {"https://example.org:443", "without a scheme"},
    {"10.0.0.0/8:443", "without a scheme or a path"},
    {"::1:443", "in brackets"},
    {"[::1:443", "a host and a port"},
    {"[::1]443", "a host and a port"},
    {"example.org:", "from 1 to 65535"},
    {"example.org:0", "from 1 to 65535"},
    {"example.org:65536", "from 1 to 65535"},
    {"example.org:+80", "from 1 to 65535"},
    {"example.org:https", "from 1 to 65535"},
    {":443", "a host is"},
    {"*:443", "a host is"},
    {"*.:443", "a host is"},
    {"*example.org:443", "a host is"},
    {"a.*.org:443", "a host is"},
    {"*.127.0.0.1:443", "a host is"},
    {"127.1:443", "a host is"},
    {"0x7f000001:443", "a host is"},
    {"2130706433:443", "a host is"},
    {"exa mple.org:443", "a host is"},
    {"user@example.org:443", "a host is"},
    {"-a.org:443", "a host is"},
    {"a..org:443", "a host is"},
    {"[127.0.0.1]:443", "a host is"},
    {"[fe80::1%eth0]:443", "a host is"},
    {"[example.org]:443", "a host is"},
  };
  for (const auto& [text, why] : cases) {
    CAPTURE(text);
    const auto result = egress_rules::parse({"example.org:443", text});
    REQUIRE_FALSE(result);
    CHECK(code_of(result.error()) == ec::invalid_request);
    CHECK(field_of(result.error()) == "isolation.network_allow");
    const auto sentence = sentence_of(result.error());
    CHECK(sentence.find("has '" + text + "'") != std::string::npos);
    CHECK(sentence.find(why) != std::string::npos);
  }
}

// -- targets
// --------------------------------------------------------------------

TEST_CASE("a target is a name or an address, and a port", "[egress]") {
  const auto name = read_egress_target("Example.ORG:443");
  REQUIRE(name);
  CHECK(name->text() == "example.org:443");
  CHECK_FALSE(name->address);
  const auto six = read_egress_target("[2001:DB8::0001]:1");
  REQUIRE(six);
  CHECK(six->text() == "[2001:db8::1]:1");
  CHECK(six->address);
  CHECK(read_egress_target("a", 80)->text() == "a:80");
  CHECK(read_egress_target("a:81", 80)->text() == "a:81");
  CHECK(read_egress_target("[::1]", 80)->text() == "[::1]:80");
}

TEST_CASE("what is no target is not guessed at", "[egress]") {
  for (const auto* text : {"",
                           ":",
                           "a",
                           "a:",
                           "a:0",
                           "a:65536",
                           "a:1 ",
                           " a:1",
                           "a b:1",
                           "a:1:2",
                           "::1",
                           "[::1",
                           "[]:1",
                           "[::1]x:1",
                           "127.1:80",
                           "0177.0.0.1:80",
                           "127.0.0.1.:80",
                           "0x7f.1:80",
                           "1:80",
                           "0x:80",
                           "a@b:80",
                           "a/b:80",
                           "[::1%lo]:80",
                           "a.0x1f:80",
                           "a\n:1"}) {
    CAPTURE(text);
    CHECK_FALSE(read_egress_target(text));
  }
  CHECK_FALSE(read_egress_target(std::string(254, 'a') + ":1"));
  CHECK_FALSE(read_egress_target(std::string(64, 'a') + ".org:1"));
  CHECK_FALSE(read_egress_target(std::string_view{"a\0b:1", 5}));
}

// -- what a name means
// ------------------------------------------------------------

TEST_CASE("a name that is allowed does not lead to this machine or its link",
          "[egress]") {
  const auto given = rules({"*.example.org:*", "example.org:443"});
  for (const auto* address :
       {"127.0.0.1", "127.8.9.1", "0.0.0.0", "0.1.2.3", "169.254.169.254",
        "::1", "::", "fe80::1", "::ffff:127.0.0.1", "::ffff:169.254.0.1"}) {
    CAPTURE(address);
    CHECK_FALSE(may_mean(given, "example.org:443", address));
    CHECK_FALSE(may_mean(given, "a.example.org:80", address));
  }
  for (const auto* address : {"93.184.216.34", "10.0.0.1", "2001:db8::1"}) {
    CAPTURE(address);
    CHECK(may_mean(given, "example.org:443", address));
  }
}

TEST_CASE("unless the address is listed, at that port", "[egress]") {
  const auto given = rules(
    {"example.org:443", "example.org:80", "127.0.0.1:443", "[::1]:443"});
  CHECK(may_mean(given, "example.org:443", "127.0.0.1"));
  CHECK(may_mean(given, "example.org:443", "::ffff:127.0.0.1"));
  CHECK(may_mean(given, "example.org:443", "::1"));
  CHECK_FALSE(may_mean(given, "example.org:80", "127.0.0.1"));
  CHECK_FALSE(may_mean(given, "example.org:443", "127.0.0.2"));
}

TEST_CASE("localhost means loopback, and nothing else of this machine",
          "[egress]") {
  const auto given = rules({"localhost:80"});
  CHECK(may_mean(given, "localhost:80", "127.0.0.1"));
  CHECK(may_mean(given, "localhost:80", "::1"));
  CHECK_FALSE(may_mean(given, "localhost:80", "169.254.169.254"));
  CHECK_FALSE(may_mean(given, "localhost:80", "0.0.0.0"));
}
