#include "messages/job_request.hpp"
#include "messages/json_reader.hpp"
#include "ocw/errors.hpp"

#include "support/catch.hpp"

#include <string>
#include <tuple>

using namespace ocw;
using namespace std::string_literals;

namespace {

/// A request with everything in it.
job_request full_request() {
  auto x = job_request{};
  x.job_id = "full.1";
  x.argv = {"printf", "%s", "a\xC3\xA9\n"};
  x.files = {{"a/b.txt", {"text", 0644}},
             {"run.sh", {"#!/bin/sh\n", 0755}},
             {"blob", {"\0\xFF"s, 0600}}};
  x.workspace = "/srv/work";
  x.stdin_data = stdin_content{"in\0put"s, true};
  x.env = {{"A", "1"}, {"_b2", "\"quoted\"\\"}};
  x.secrets = {{"TOKEN", "hunter2"}};
  x.limits = {.cpu_cores = 0.5,
              .memory = mebibyte_size{(uint64_t{64} << 20) + 1},
              .timeout_ms = 1,
              .max_output_size = byte_size{77},
              .disk = byte_size{uint64_t{1} << 30},
              .pids = 32,
              .queue_timeout_ms = 0,
              .idle_timeout_ms = 5,
              .gpus = 0};
  x.config = {"worker", "p", "m", network_access::open, false};
  x.stream = {4, false, true};
  x.artifacts = {"dist/**/*.js"};
  x.require = {"userns"};
  x.labels = {{"owner", "me"}};
  x.constraints = {{"arch", "x86_64"}};
  x.priority = 100;
  x.on_worker_lost = lost_policy::requeue;
  x.metadata = {R"({"k":[1,"v"]})"};
  return x;
}

/// The request that runs `true`, with more fields.
std::string with(const std::string& fields) {
  return R"({"command":"true",)" + fields + "}";
}

void check_refused(const std::string& body, const std::string& field) {
  CAPTURE(body);
  const auto request = parse_job_request(body);
  REQUIRE_FALSE(request);
  CHECK(code_of(request.error()) == ec::invalid_request);
  CHECK(field_of(request.error()) == field);
  CHECK(sentence_of(request.error()).find('\0') == std::string::npos);
}

} // namespace

TEST_CASE("a request with every field passes and is stored without secrets") {
  const auto request = full_request();
  REQUIRE_FALSE(check(request));
  auto text = std::string{};
  write_request_without_secrets(text, request);
  CHECK(text.find("hunter2") == std::string::npos);
  CHECK(text.find("secrets") == std::string::npos);
  const auto back = parse_job_request(text);
  REQUIRE(back);
  auto expected = request;
  expected.secrets.clear();
  CHECK(*back == expected);
}

TEST_CASE("a small request is stored as a small text") {
  const auto request = parse_job_request(R"({"command":"make"})");
  REQUIRE(request);
  auto text = std::string{};
  write_request_without_secrets(text, *request);
  CHECK(text == R"({"command":"make"})");
}

TEST_CASE("exactly one thing is to be run") {
  CHECK(parse_job_request(R"({"command":"ls"})"));
  CHECK(parse_job_request(R"({"argv":["ls",""]})"));
  check_refused("{}", "command");
  check_refused(R"({"command":"ls","argv":["ls"]})", "argv");
  check_refused(R"({"command":""})", "command");
  check_refused(R"({"command":"a\u0000b"})", "command");
  check_refused(R"({"argv":[]})", "argv");
  check_refused(R"({"argv":[""]})", "argv[0]");
  check_refused(R"({"argv":["a","b\u0000"]})", "argv[1]");
  check_refused(R"({"prompt":"do it"})", "prompt");
  check_refused(R"({"command":")" + std::string(131072, 'x') + R"("})",
                "command");
}

TEST_CASE("agent jobs are refused with a plain sentence") {
  const auto request = parse_job_request(R"({"prompt":"do it"})");
  REQUIRE_FALSE(request);
  CHECK(sentence_of(request.error())
        == "agent jobs are not available in this version");
}

TEST_CASE("job ids hold 128 characters and not one more") {
  CHECK(parse_job_request(with(R"("job_id":")" + std::string(128, 'a') + '"')));
  for (const auto& bad : {std::string(129, 'a'), "../x"s, "-x"s, ".x"s, "a b"s})
    check_refused(with(R"("job_id":")" + bad + '"'), "job_id");
}

TEST_CASE("no path of a file leads out of the work directory") {
  for (const auto* bad :
       {"../x", "..", "a/..", "a/../b", "a/../../b", "/etc/passwd", "/", "",
        ".", "./a", "a/.", "a/./b", "a//b", "a/", "//a", "../../../../etc"}) {
    const auto field = R"(files[")"s + bad + R"("])";
    check_refused(with(R"("files":{")"s + bad + R"(":""})"), field);
  }
  check_refused(with(R"("files":{"a\u0000b":""})"), R"(files["a\u0000b"])");
  const auto name = std::string(256, 'n');
  check_refused(with(R"("files":{")" + name + R"(":""})"),
                R"(files[")" + name.substr(0, 200) + R"(…"])");
  auto path = std::string{"d"};
  while (path.size() <= max_path_bytes)
    path += "/" + std::string(100, 'd');
  CHECK_FALSE(parse_job_request(with(R"("files":{")" + path + R"(":""})")));
}

TEST_CASE("unusual but harmless paths of files are taken") {
  for (const auto* good : {"...", "..a", "a..", ".hidden", "a b", "-x", "~",
                           "a\\\\b", "C:x", "$(x)", "a/b/c.d", "caf\xC3\xA9"}) {
    CAPTURE(good);
    CHECK(parse_job_request(with(R"("files":{")"s + good + R"(":""})")));
  }
  CHECK(parse_job_request(
    with(R"("files":{")" + std::string(255, 'n') + R"(":""})")));
}

TEST_CASE("a file is not a directory of another one") {
  check_refused(with(R"("files":{"a":"","a-b":"","a/b":""})"),
                R"(files["a/b"])");
  check_refused(with(R"("files":{"x/y":"","x/y/z/w":""})"),
                R"(files["x/y/z/w"])");
  CHECK(parse_job_request(with(R"("files":{"a":"","a-b/c":"","ab/c":""})")));
  check_refused(with(R"("files":{"a":"1","a":"2"})"), "files.a");
}

TEST_CASE("there are at most 100000 files") {
  auto request = job_request{};
  request.command = "true";
  for (auto i = size_t{0}; i < max_files; ++i)
    request.files["f" + std::to_string(i)];
  CHECK_FALSE(check(request));
  request.files["one-more"];
  CHECK(field_of(check(request)) == "files");
}

TEST_CASE("variables have names that a shell takes") {
  CHECK(parse_job_request(with(R"("env":{"_":"","A1":"x=y"})")));
  for (const auto* bad : {"", "1A", "A-B", "A=B", "A B", "caf\xC3\xA9"}) {
    check_refused(with(R"("env":{")"s + bad + R"(":""})"),
                  R"(env[")"s + bad + R"("])");
    check_refused(with(R"("secrets":{")"s + bad + R"(":"abcd"})"),
                  R"(secrets[")"s + bad + R"("])");
  }
  check_refused(with(R"("env":{"A":"\u0000"})"), R"(env["A"])");
  check_refused(with(R"("env":{"A":")" + std::string(131071, 'x') + R"("})"),
                R"(env["A"])");
}

TEST_CASE("secrets are not empty and not in env as well") {
  CHECK(parse_job_request(with(R"("secrets":{"A":"x"})")));
  check_refused(with(R"("secrets":{"A":""})"), R"(secrets["A"])");
  check_refused(with(R"("secrets":{"A":"a\u0000b"})"), R"(secrets["A"])");
  check_refused(with(R"("env":{"A":"1"},"secrets":{"A":"2"})"),
                R"(secrets["A"])");
}

TEST_CASE("limits that mean nothing are refused") {
  for (const auto* zero : {"cpu", "memory", "timeout", "max_output_size"})
    check_refused(with(R"("limits":{")"s + zero + R"(":0})"),
                  "limits."s + zero);
  check_refused(with(R"("limits":{"cpu":-1})"), "limits.cpu");
  check_refused(with(R"("limits":{"memory":"-1GB"})"), "limits.memory");
  check_refused(with(R"("limits":{"queue_timeout":31622400001})"),
                "limits.queue_timeout");
  check_refused(with(R"("limits":{"idle_timeout":31622400001})"),
                "limits.idle_timeout");
  CHECK(parse_job_request(with(R"("limits":{"cpu":2.5,"idle_timeout":0})")));
}

TEST_CASE("options keep to their ranges") {
  CHECK(parse_job_request(with(R"("stream":{"chunk_size":1048576})")));
  check_refused(with(R"("stream":{"chunk_size":0})"), "stream.chunk_size");
  check_refused(with(R"("stream":{"chunk_size":3})"), "stream.chunk_size");
  CHECK(parse_job_request(with(R"("stream":{"chunk_size":4})")));
  CHECK(parse_job_request(with(R"("limits":{"pids":0})")));
  check_refused(with(R"("limits":{"pids":4194305})"), "limits.pids");
  CHECK(parse_job_request(with(R"("limits":{"pids":4194304})")));
  check_refused(with(R"("job_id":"")"), "job_id");
  check_refused(with(R"("stream":{"chunk_size":1048577})"),
                "stream.chunk_size");
  CHECK(parse_job_request(with(R"("priority":0)")));
  CHECK(parse_job_request(with(R"("priority":100)")));
  check_refused(with(R"("priority":101)"), "priority");
  CHECK(parse_job_request(with(R"("config":{"mode":"worker"})")));
  check_refused(with(R"("config":{"mode":"agent"})"), "config.mode");
}

TEST_CASE("artifacts stay below the work directory") {
  CHECK(parse_job_request(with(R"("artifacts":["*.log","out/**/x?[ab]"])")));
  for (const auto* bad : {"../x", "/etc/*", "a/../b", "", "**/.."})
    check_refused(with(R"("artifacts":["ok",")"s + bad + R"("])"),
                  "artifacts[1]");
}

TEST_CASE("a workspace is an absolute path") {
  CHECK(parse_job_request(with(R"("workspace":"/srv/project/")")));
  for (const auto* bad : {"", "relative", "/", "/a/../b", "/a//b", "/a\\u0000"})
    check_refused(with(R"("workspace":")"s + bad + '"'), "workspace");
}

TEST_CASE("labels and constraints are few and short") {
  for (const auto* field : {"labels", "constraints"}) {
    const auto one = [&](const std::string& key, const std::string& value) {
      return with('"' + std::string{field} + R"(":{")" + key + R"(":")" + value
                  + R"("})");
    };
    CHECK(parse_job_request(one(std::string(256, 'k'), std::string(256, 'v'))));
    CHECK_FALSE(parse_job_request(one(std::string(257, 'k'), "v")));
    check_refused(one("k", std::string(257, 'v')), field + R"(["k"])"s);
    check_refused(one("", "v"), field + R"([""])"s);
    check_refused(one("k", "a\\nb"), field + R"(["k"])"s);
    auto many = std::string{};
    for (auto i = 0; i < 65; ++i)
      many += (i > 0 ? ",\"k" : "\"k") + std::to_string(i) + R"(":"v")";
    check_refused(with('"' + std::string{field} + R"(":{)" + many + "}"),
                  field);
  }
}

TEST_CASE("metadata is an object of at most 4 KiB") {
  const auto of_size = [](size_t size) {
    return with(R"("metadata":{"k":")" + std::string(size - 8, 'x') + R"("})");
  };
  CHECK(parse_job_request(of_size(4096)));
  check_refused(of_size(4097), "metadata");
  check_refused(with(R"("metadata":"x")"), "metadata");
}

TEST_CASE("requests that came as messages are checked all the same") {
  auto request = full_request();
  request.metadata.text = "not json";
  CHECK(field_of(check(request)) == "metadata");
  request = full_request();
  request.files["blob"].mode = 04755;
  CHECK(field_of(check(request)) == R"(files["blob"])");
  request = full_request();
  request.limits.cpu_cores = std::numeric_limits<double>::quiet_NaN();
  CHECK(field_of(check(request)) == "limits.cpu");
}

TEST_CASE("a message's texts that JSON could not keep are refused") {
  const auto refused = [](auto change) {
    auto request = full_request();
    change(request);
    return field_of(check(request));
  };
  CHECK(refused([](auto& x) { x.argv = {"a", "\xFF"}; }) == "argv[1]");
  CHECK(refused([](auto& x) { x.env["A"] = "\xFF"; }) == R"(env["A"])");
  CHECK(refused([](auto& x) { x.secrets["S"] = "\xFF"; }) == R"(secrets["S"])");
  CHECK(refused([](auto& x) { x.labels["l"] = "\xFF"; }) == R"(labels["l"])");
  CHECK(refused([](auto& x) { x.files["\xFF"]; }) == "files[\"\xEF\xBF\xBD\"]");
  CHECK(refused([](auto& x) { x.artifacts = {"\xFF"}; }) == "artifacts[0]");
  CHECK(refused([](auto& x) { x.require = {"\xFF"}; }) == "require[0]");
  CHECK(refused([](auto& x) { x.config.model = "\xFF"; }) == "config.model");
  CHECK(refused([](auto& x) { x.workspace = "/\xFF"; }) == "workspace");
  CHECK(refused([](auto&) {}).empty());
}
