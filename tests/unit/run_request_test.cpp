#include "app/run_request.hpp"
#include "messages/job_request.hpp"
#include "ocw/errors.hpp"
#include "ocw/ids.hpp"

#include "support/catch.hpp"
#include "support/texts.hpp"

#include <nlohmann/json.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace ocw;
using test::has;

namespace {

/// A directory of files to name in flags.
class scratch {
public:
  scratch() {
    auto name
      = (std::filesystem::temp_directory_path() / "ocw-cli-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~scratch() { std::filesystem::remove_all(path_); }

  std::string file(const std::string& name, std::string_view bytes) const {
    const auto path = path_ + "/" + name;
    std::ofstream{path, std::ios::binary} << bytes;
    return path;
  }

private:
  std::string path_;
};

request_flags flags_with_argv() {
  auto flags = request_flags{};
  flags.argv = {"true"};
  return flags;
}

job_request built(const request_flags& flags,
                  stdin_default otherwise = stdin_default::unsaid) {
  const auto request = build_request(flags, otherwise);
  if (!request)
    FAIL(sentence_of(request.error()));
  const auto parsed = parse_job_request(request->json);
  REQUIRE(parsed);
  CHECK(parsed->job_id == request->job_id);
  return *parsed;
}

std::string problem(const request_flags& flags) {
  const auto request = build_request(flags, stdin_default::unsaid);
  REQUIRE_FALSE(request);
  return sentence_of(request.error());
}

} // namespace

TEST_CASE("each flag becomes the field of its name") {
  auto flags = flags_with_argv();
  flags.scalars = {{"job_id", "build-42"},        {"limits.cpu", "0.5"},
                   {"limits.memory", "64MB"},     {"limits.timeout", "1500"},
                   {"limits.pids", "8"},          {"config.network", "open"},
                   {"config.telemetry", "false"}, {"priority", "70"},
                   {"on_worker_lost", "requeue"}, {"stream.chunk_size", "100"}};
  flags.env = {"A=1=2"};
  flags.labels = {"owner=me"};
  flags.constraints = {"arch=x86_64"};
  flags.artifacts = {"*.o", "log/*"};
  flags.require = {"pid"};
  flags.metadata = R"({"k": [1]})";
  const auto request = built(flags);
  CHECK(request.job_id == "build-42");
  CHECK(request.argv == std::vector<std::string>{"true"});
  CHECK(request.limits.cpu_cores == 0.5);
  CHECK(request.limits.memory->bytes == uint64_t{64} << 20);
  CHECK(request.limits.timeout_ms == 1500);
  CHECK(request.limits.pids == 8);
  CHECK(request.config.network == network_access::open);
  CHECK(request.config.telemetry == false);
  CHECK(request.priority == 70);
  CHECK(request.on_worker_lost == lost_policy::requeue);
  CHECK(request.stream.chunk_size == 100);
  CHECK(request.env.at("A") == "1=2");
  CHECK(request.labels.at("owner") == "me");
  CHECK(request.constraints.at("arch") == "x86_64");
  CHECK(request.artifacts == std::vector<std::string>{"*.o", "log/*"});
  CHECK(request.require == std::vector<std::string>{"pid"});
  CHECK(request.metadata.text == R"({"k":[1]})");
}

TEST_CASE("times take a unit or are milliseconds") {
  const auto timeout = [](const std::string& text) {
    auto flags = flags_with_argv();
    flags.scalars = {{"limits.timeout", text}};
    return built(flags).limits.timeout_ms;
  };
  CHECK(timeout("250") == 250);
  CHECK(timeout("250ms") == 250);
  CHECK(timeout("1.5s") == 1500);
  CHECK(timeout("5m") == 300000);
  CHECK(timeout("2h") == 7200000);
  auto flags = flags_with_argv();
  flags.scalars = {{"limits.timeout", "soon"}};
  CHECK(has(problem(flags), "--limits.timeout must be a time"));
}

TEST_CASE("a request without an id is given one") {
  auto flags = flags_with_argv();
  const auto first = build_request(flags, stdin_default::unsaid);
  const auto second = build_request(flags, stdin_default::unsaid);
  REQUIRE(first);
  REQUIRE(second);
  CHECK(is_valid_job_id(first->job_id));
  CHECK(first->job_id != second->job_id);
}

TEST_CASE("a secret comes from a file, less one line end") {
  const auto files = scratch{};
  const auto secret_in = [&](std::string_view bytes) {
    const auto pair = read_secret("KEY=@" + files.file("key", bytes));
    REQUIRE(pair);
    CHECK(pair->first == "KEY");
    return pair->second;
  };
  CHECK(secret_in("s3cret\n") == "s3cret");
  CHECK(secret_in("s3cret\r\n") == "s3cret");
  CHECK(secret_in("two\nlines\n\n") == "two\nlines\n");
  CHECK(secret_in("bare") == "bare");
  auto flags = flags_with_argv();
  flags.secrets = {"KEY=@" + files.file("key", "hush\n")};
  CHECK(built(flags).secrets.at("KEY") == "hush");
}

TEST_CASE("a secret in the command line is refused and not repeated") {
  for (const auto* text : {"KEY=hunter2", "hunter2", "=@hunter2"}) {
    const auto pair = read_secret(text);
    REQUIRE_FALSE(pair);
    CHECK(has(sentence_of(pair.error()), "NAME=@FILE"));
    CHECK_FALSE(has(sentence_of(pair.error()), "hunter2"));
  }
}

TEST_CASE("a file arrives byte by byte with its mode") {
  const auto files = scratch{};
  const auto bytes = std::string{"#!/bin/sh\n\xFF\0end", 15};
  const auto path = files.file("tool", bytes);
  REQUIRE(::chmod(path.c_str(), 0750) == 0);
  auto flags = flags_with_argv();
  flags.files = {"bin/tool=" + path};
  const auto request = built(flags);
  CHECK(request.files.at("bin/tool").bytes == bytes);
  CHECK(request.files.at("bin/tool").mode == 0750);
}

TEST_CASE("what cannot be is said before anything is sent") {
  auto none = request_flags{};
  CHECK(has(problem(none), "needs command or argv"));
  auto both = flags_with_argv();
  both.scalars = {{"command", "ls"}};
  CHECK(has(problem(both), "one or the other"));
  auto env = flags_with_argv();
  env.env = {"A"};
  CHECK(has(problem(env), "--env 'A' is not of the form NAME=VALUE"));
  auto file = flags_with_argv();
  file.files = {"../x=/dev/null"};
  CHECK(has(problem(file), "leaves the work directory"));
  auto missing = flags_with_argv();
  missing.files = {"x=/nonexistent/file"};
  CHECK(has(problem(missing), "No such file"));
  auto number = flags_with_argv();
  number.scalars = {{"limits.cpu", "many"}};
  CHECK(has(problem(number), "--limits.cpu must be a number"));
  auto bytes = request_flags{};
  bytes.argv = {"\xFF"};
  CHECK(has(problem(bytes), "not UTF-8"));
}

TEST_CASE("flags go on top of a request file") {
  const auto files = scratch{};
  auto flags = request_flags{};
  flags.request_file
    = files.file("job.json", R"({"command": "make", "env": {"A": "1", "B": "1"},
                    "limits": {"cpu": 1}, "stdin": "text"})");
  flags.env = {"B=2"};
  flags.scalars = {{"limits.memory", "100"}};
  const auto request = built(flags, stdin_default::open);
  CHECK(request.command == "make");
  CHECK(request.env
        == std::map<std::string, std::string>{{"A", "1"}, {"B", "2"}});
  CHECK(request.limits.cpu_cores == 1.0);
  CHECK(request.limits.memory->bytes == uint64_t{100} << 20);
  CHECK(request.stdin_data->bytes == "text");
  CHECK_FALSE(request.stdin_data->open);
  flags.request_file = files.file("bad.json", "{");
  CHECK(has(problem(flags), "not valid JSON"));
}

TEST_CASE("a job whose flags say nothing of stdin reads what the caller says") {
  const auto flags = flags_with_argv();
  CHECK_FALSE(built(flags).stdin_data);
  CHECK(built(flags, stdin_default::empty).stdin_data == stdin_content{});
  CHECK(built(flags, stdin_default::open).stdin_data
        == stdin_content{{}, true});
  const auto files = scratch{};
  auto with_file = flags;
  with_file.stdin_source = "@" + files.file("in", "some input");
  CHECK(built(with_file, stdin_default::open).stdin_data
        == stdin_content{"some input", false});
}
