#include "net/router.hpp"
#include "ocw/errors.hpp"

#include "support/catch.hpp"

using namespace ocw;
using namespace ocw::net;

namespace {

route_match route(std::string_view verb, std::string_view raw) {
  const auto target = parse_target(raw);
  REQUIRE(target);
  return find_route(operations(), verb, *target);
}

std::string_view name_of(const route_match& match) {
  return match.found ? match.found->name : "nothing";
}

std::string captured(const route_match& match, std::string_view name) {
  const auto* value = find_value(match.captures, name);
  return value ? *value : "";
}

} // namespace

TEST_CASE("a path and a verb lead to one operation") {
  CHECK(name_of(route("POST", "/v1/jobs")) == "submit_job");
  CHECK(name_of(route("GET", "/v1/jobs?limit=3")) == "list_jobs");
  CHECK(name_of(route("GET", "/v1/jobs/a")) == "get_job");
  CHECK(captured(route("GET", "/v1/jobs/a.b-c"), "job_id") == "a.b-c");
  CHECK(name_of(route("DELETE", "/v1/jobs/a")) == "forget_job");
  CHECK(name_of(route("GET", "/v1/jobs/a/artifacts")) == "list_artifacts");
  CHECK(name_of(route("GET", "/v1/jobs/a/artifacts.tar"))
        == "get_artifact_archive");
}

TEST_CASE("HEAD is served by what serves GET") {
  CHECK(name_of(route("HEAD", "/healthz")) == "get_health");
  CHECK(name_of(route("HEAD", "/v1/jobs")) == "list_jobs");
}

TEST_CASE("an artifact's path keeps its slashes and is decoded") {
  const auto match = route("GET", "/v1/jobs/a/artifacts/out/my%20file.txt");
  CHECK(name_of(match) == "get_artifact");
  CHECK(captured(match, "job_id") == "a");
  CHECK(captured(match, "path") == "out/my file.txt");
}

TEST_CASE("a path nothing is at has no verbs either") {
  for (const auto* raw : {"/", "/v1", "/v1/jobs/", "/v1//jobs", "/v1/jobs/a/b",
                          "/v1/jobs/a/artifacts/", "/V1/jobs"}) {
    INFO(raw);
    const auto match = route("GET", raw);
    CHECK(match.found == nullptr);
    CHECK(match.allowed.empty());
  }
}

TEST_CASE("a verb that a path does not take is told which it does") {
  const auto match = route("PUT", "/v1/jobs");
  CHECK(match.found == nullptr);
  CHECK(match.allowed == "POST, GET, HEAD, OPTIONS");
}

TEST_CASE("a path that climbs or is badly encoded is refused") {
  for (const auto* raw :
       {"/v1/jobs/../x", "/v1/jobs/%2e%2e/x", "/v1/./jobs", "/a/..%2f..",
        "/v1/jobs/%zz", "/v1/jobs/%2", "/v1/jobs/a%00b", "/v1/jobs/a%0d%0ab",
        "v1/jobs", "*", "", "/v1/jobs?x=%4"}) {
    INFO(raw);
    const auto target = parse_target(raw);
    REQUIRE_FALSE(target);
    CHECK(code_of(target.error()) == ec::invalid_request);
  }
}

TEST_CASE("a proxy's form of the target leads to the same place") {
  CHECK(name_of(route("GET", "http://127.0.0.1:3000/healthz")) == "get_health");
}

TEST_CASE("a query is decoded and may repeat names") {
  const auto target = parse_target("/v1/jobs?label=a%3Db&label=c+d&wait=&x");
  REQUIRE(target);
  CHECK(target->query
        == named_values{
          {"label", "a=b"}, {"label", "c d"}, {"wait", ""}, {"x", ""}});
}

TEST_CASE("a parameter that an operation does not have is named") {
  const auto match = route("GET", "/v1/jobs");
  CHECK(unknown_parameter(*match.found, {{"limit", "1"}, {"limti", "2"}})
        == "limti");
  CHECK(unknown_parameter(*match.found, {{"limit", "1"}}).empty());
}

TEST_CASE("a wait is from 0 to 3600 seconds and may have a fraction") {
  CHECK(wait_in({}).value() == std::nullopt);
  CHECK(wait_in({{"wait", "0"}}).value() == 0);
  CHECK(wait_in({{"wait", "1.5"}}).value() == 1500);
  CHECK(wait_in({{"wait", "3600"}}).value() == 3600000);
  for (const auto* text :
       {"", "-1", "3600.1", "1s", "nan", "inf", "1e3", " 1"}) {
    INFO(text);
    CHECK_FALSE(wait_in({{"wait", text}}));
  }
}

TEST_CASE("numbers and flags in a query are strict") {
  CHECK(number_in({{"n", "12"}}, "n", 7).value() == 12);
  CHECK(number_in({}, "n", 7).value() == 7);
  for (const auto* text : {"", "-1", "1.0", "99999999999999999999", "0x1"}) {
    INFO(text);
    CHECK_FALSE(number_in({{"n", text}}, "n", 7));
  }
  CHECK(flag_in({{"f", "1"}}, "f").value());
  CHECK(flag_in({{"f", ""}}, "f").value());
  CHECK_FALSE(flag_in({{"f", "0"}}, "f").value());
  CHECK_FALSE(flag_in({{"f", "yes"}}, "f"));
}
