#include "ocw/errors.hpp"
#include "support/catch.hpp"
#include "support/http_client.hpp"
#include "support/http_node.hpp"

#include <nlohmann/json.hpp>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

using namespace ocw;
using namespace ocw::test;
using nlohmann::json;

namespace {

job_record ended_job(const std::string& id) {
  auto record = job_record{};
  record.job_id = id;
  record.session_id = "s-" + id;
  record.status = job_status::finished;
  record.exit_code = 0;
  record.created_unix_ms = 1000;
  record.started_unix_ms = 2000;
  record.finished_unix_ms = 1700000000000;
  return record;
}

job_record pending_job(const std::string& id) {
  auto record = job_record{};
  record.job_id = id;
  record.created_unix_ms = now_unix_ms();
  return record;
}

void write_artifact(const http_node& node, const std::string& job,
                    const std::string& path, const std::string& bytes) {
  const auto file = node.store_dir() / "artifacts" / job / path;
  std::filesystem::create_directories(file.parent_path());
  std::ofstream{file, std::ios::binary} << bytes;
}

constexpr auto job_body = R"({"job_id":"j","command":"true"})";

} // namespace

TEST_CASE(
  "submitting answers 201 for a new job and 200 for one that is there") {
  auto node = http_node{};
  auto client = http_client{node.port()};
  const auto made = client.ask("POST", "/v1/jobs", {}, job_body);
  CHECK(made.status == 201);
  CHECK(json::parse(made.body).at("status") == "pending");
  node.put(pending_job("j"));
  node.on_submit = [](const submit_job& x) -> caf::expected<job_view> {
    auto record = pending_job(x.request.job_id);
    return job_view{std::make_shared<const job_record>(record), nullptr, false};
  };
  CHECK(client.ask("POST", "/v1/jobs", {}, job_body).status == 200);
  node.on_submit = [](const submit_job&) -> caf::expected<job_view> {
    return make_error(ec::conflict, "the id is taken", "job_id");
  };
  CHECK(client.ask("POST", "/v1/jobs", {}, job_body).status == 409);
}

TEST_CASE("a request that is wrong names the field") {
  auto node = http_node{};
  auto client = http_client{node.port()};
  const auto answer
    = client.ask("POST", "/v1/jobs", {}, R"({"command":"x","comand":"y"})");
  CHECK(answer.status == 400);
  CHECK(json::parse(answer.body).at("details").at("field") == "comand");
  CHECK(client.ask("POST", "/v1/jobs", {}, "{").status == 400);
  CHECK(client.ask("POST", "/v1/jobs").status == 400);
  CHECK(client.ask("POST", "/v1/jobs?wait=long", {}, job_body).status == 400);
}

TEST_CASE("a submission that waits gets the result when the job ends") {
  auto node = http_node{};
  auto job = test_job{node.dir(), "j"};
  job.start();
  node.put(pending_job("j"), job.follow());
  auto asked = std::atomic<bool>{false};
  node.on_submit = [&](const submit_job&) -> caf::expected<job_view> {
    asked = true;
    auto record = pending_job("j");
    return job_view{std::make_shared<const job_record>(record), job.follow(),
                    true};
  };
  auto ending = std::thread{[&] {
    while (!asked)
      std::this_thread::yield();
    job.write("hello");
    job.write("oops", wire::stream_id::err);
    job.end();
  }};
  auto client = http_client{node.port()};
  const auto answer = client.ask("POST", "/v1/jobs?wait=60", {}, job_body);
  ending.join();
  CHECK(answer.status == 201);
  const auto result = json::parse(answer.body);
  CHECK(result.at("status") == "finished");
  CHECK(result.at("stdout") == "hello");
  CHECK(result.at("stderr") == "oops");
  CHECK(result.at("truncated_in_response") == false);
}

TEST_CASE("a submission that waits too short gets the state") {
  auto node = http_node{};
  auto job = test_job{node.dir(), "j"};
  node.put(pending_job("j"), job.follow());
  node.on_submit = [&](const submit_job&) -> caf::expected<job_view> {
    auto record = pending_job("j");
    return job_view{std::make_shared<const job_record>(record), job.follow(),
                    true};
  };
  auto client = http_client{node.port()};
  const auto answer = client.ask("POST", "/v1/jobs?wait=0.05", {}, job_body);
  CHECK(answer.status == 201);
  CHECK(json::parse(answer.body).at("status") == "pending");
  CHECK(client.ask("POST", "/v1/jobs?wait=0", {}, job_body).status == 201);
}

TEST_CASE("a client that leaves while it waits is not waited for") {
  auto node = http_node{};
  auto job = test_job{node.dir(), "j"};
  node.put(pending_job("j"), job.follow());
  {
    auto client = http_client{node.port()};
    client.say("GET /v1/jobs/j/output?wait=3600 HTTP/1.1\r\nHost: localhost\r\n"
               "Authorization: Bearer the-token\r\n\r\n");
  }
  auto other = http_client{node.port()};
  CHECK(other.ask("GET", "/healthz").status == 200);
  const auto deadline
    = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  while (node.connections() > 1 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  CHECK(node.connections() == 1);
}

TEST_CASE("output before the end is refused with the state in the answer") {
  auto node = http_node{};
  node.put(pending_job("p"));
  auto client = http_client{node.port()};
  const auto answer = client.ask("GET", "/v1/jobs/p/output");
  CHECK(answer.status == 409);
  const auto body = json::parse(answer.body);
  CHECK(body.at("code") == "not_ended");
  CHECK(body.at("state").at("job_id") == "p");
  CHECK(body.at("state").at("status") == "pending");
}

TEST_CASE("long output is cut in the response and says so") {
  auto node = http_node{};
  auto job = test_job{node.dir(), "long"};
  job.start();
  // The limit falls into the middle of a character.
  job.write(std::string((size_t{1} << 20) - 1, 'a') + "\xc3\xa4 end");
  job.end();
  node.put(*job.follow()->ended(), job.follow());
  auto client = http_client{node.port()};
  const auto answer = client.ask("GET", "/v1/jobs/long/output");
  REQUIRE(answer.status == 200);
  const auto body = json::parse(answer.body);
  CHECK(body.at("truncated_in_response") == true);
  CHECK(body.at("stdout").get<std::string>()
        == std::string((size_t{1} << 20) - 1, 'a'));
}

TEST_CASE("logs are the exact bytes, and ranges of them") {
  auto node = http_node{};
  auto job = test_job{node.dir(), "j"};
  job.start();
  const auto bytes = std::string{"a\0b\xff", 4};
  job.write(bytes);
  job.end();
  node.put(*job.follow()->ended(), job.follow());
  auto client = http_client{node.port()};
  CHECK(client.ask("GET", "/v1/jobs/j/logs").body == bytes);
  CHECK(client.ask("GET", "/v1/jobs/j/logs?stream=stderr").body.empty());
  CHECK(client.ask("GET", "/v1/jobs/j/logs?offset=1&limit=2").body
        == bytes.substr(1, 2));
  CHECK(client.ask("GET", "/v1/jobs/j/logs?follow=1").body == bytes);
  const auto part
    = client.ask("GET", "/v1/jobs/j/logs", "Range: bytes=1-2\r\n");
  CHECK(part.status == 206);
  CHECK(part.body == bytes.substr(1, 2));
  CHECK(part.header("content-range") == "bytes 1-2/4");
  CHECK(client.ask("GET", "/v1/jobs/j/logs", "Range: bytes=9-\r\n").status
        == 416);
  CHECK(client.ask("GET", "/v1/jobs/j/logs?stream=both").status == 400);
  CHECK(client.ask("GET", "/healthz").status == 200);
}

TEST_CASE("events can be taken up behind the last one seen") {
  auto node = http_node{};
  auto job = test_job{node.dir(), "j"};
  job.start();
  job.end();
  node.put(*job.follow()->ended(), job.follow());
  const auto last = job.follow()->last_seq();
  const auto first_id = [&](std::string_view query, std::string_view more) {
    auto client = http_client{node.port()};
    const auto answer
      = client.ask("GET", "/v1/jobs/j/events" + std::string{query}, more);
    CHECK(answer.status == 200);
    const auto line = answer.body.substr(0, answer.body.find('\n'));
    return line;
  };
  CHECK(first_id("", "") == "id: 1");
  CHECK(first_id("?from=3", "") == "id: 3");
  CHECK(first_id("?from=1", "Last-Event-ID: 3\r\n") == "id: 4");
  CHECK(
    first_id("", "Last-Event-ID: " + std::to_string(last) + "\r\n").empty());
  auto client = http_client{node.port()};
  CHECK(client.ask("GET", "/v1/jobs/j/events?from=x").status == 400);
}

TEST_CASE("listing passes its filters on and checks them") {
  auto node = http_node{};
  auto client = http_client{node.port()};
  const auto answer = client.ask(
    "GET", "/v1/jobs?status=failed&label=a%3Db&label=c:d=e&limit=7");
  CHECK(answer.status == 200);
  CHECK(json::parse(answer.body).at("next_cursor") == "7 a=b c=d=e");
  for (const auto* query : {"status=dead", "limit=0", "limit=1001", "limit=x",
                            "label=a", "label==b"}) {
    INFO(query);
    CHECK(client.ask("GET", std::string{"/v1/jobs?"} + query).status == 400);
  }
}

TEST_CASE("cancelling takes a reason or none") {
  auto node = http_node{};
  node.put(pending_job("j"));
  auto client = http_client{node.port()};
  CHECK(client.ask("POST", "/v1/jobs/j/cancel").status == 200);
  CHECK(client.ask("POST", "/v1/jobs/j/cancel", {}, R"({"reason":"why not"})")
          .status
        == 200);
  CHECK(client.ask("POST", "/v1/jobs/j/cancel", {}, R"({"raison":"x"})").status
        == 400);
  REQUIRE(node.cancels().size() == 2);
  CHECK(node.cancels()[0].reason.empty());
  CHECK(node.cancels()[1].reason == "why not");
}

TEST_CASE("standard input takes any bytes of any type") {
  auto node = http_node{};
  node.put(pending_job("j"));
  auto client = http_client{node.port()};
  const auto bytes = std::string{"\0\xff", 2};
  CHECK(client
          .ask("POST", "/v1/jobs/j/stdin?eof=1", "Content-Type: text/plain\r\n",
               bytes)
          .status
        == 200);
  REQUIRE(node.stdins().size() == 1);
  CHECK(node.stdins()[0].bytes == bytes);
  CHECK(node.stdins()[0].eof);
}

TEST_CASE("forgetting says what is forgotten") {
  auto node = http_node{};
  node.put(ended_job("j"));
  auto client = http_client{node.port()};
  const auto answer = client.ask("DELETE", "/v1/jobs/j");
  CHECK(answer.status == 200);
  CHECK(json::parse(answer.body) == json{{"job_id", "j"}, {"forgotten", true}});
  CHECK(client.ask("DELETE", "/v1/jobs/fails-not_ended").status == 409);
}

TEST_CASE("an artifact is served whole, and only if the record has it") {
  auto node = http_node{};
  auto record = ended_job("j");
  const auto bytes = std::string(300000, 'x') + std::string{"\0\n", 2};
  write_artifact(node, "j", "deep/file \"1\".bin", bytes);
  write_artifact(node, "j", "unlisted", "secret");
  std::filesystem::create_symlink("/etc/passwd",
                                  node.store_dir() / "artifacts/j/link");
  record.artifacts
    = {{"deep/file \"1\".bin", bytes.size(), "ab"}, {"link", 1, "cd"}};
  node.put(record);
  auto client = http_client{node.port()};
  const auto list = json::parse(client.ask("GET", "/v1/jobs/j/artifacts").body);
  CHECK(list.at("artifacts").at(0).at("size") == bytes.size());
  const auto path = std::string{"/v1/jobs/j/artifacts/deep/file%20%221%22.bin"};
  const auto answer = client.ask("GET", path);
  CHECK(answer.status == 200);
  CHECK(answer.body == bytes);
  CHECK(answer.header("content-type") == "application/octet-stream");
  CHECK(answer.header("content-disposition")
        == "attachment; filename=\"file _1_.bin\"");
  const auto head = client.ask("HEAD", path);
  CHECK(head.header("content-length") == std::to_string(bytes.size()));
  CHECK(client.ask("GET", "/v1/jobs/j/artifacts/unlisted").status == 404);
  const auto link = client.ask("GET", "/v1/jobs/j/artifacts/link");
  CHECK(link.status != 200);
  CHECK(link.status < 500);
}

TEST_CASE("all artifacts come as one archive") {
  auto node = http_node{};
  auto record = ended_job("j");
  write_artifact(node, "j", "a.txt", "one");
  write_artifact(node, "j", "d/b.txt", "two");
  record.artifacts = {{"a.txt", 3, ""}, {"d/b.txt", 3, ""}};
  node.put(record);
  auto client = http_client{node.port()};
  const auto answer = client.ask("GET", "/v1/jobs/j/artifacts.tar");
  REQUIRE(answer.status == 200);
  CHECK(std::to_string(answer.body.size()) == answer.header("content-length"));
  std::ofstream{node.store_dir() / "all.tar", std::ios::binary} << answer.body;
  const auto command = "cd " + node.store_dir().string()
                       + " && mkdir out && tar xf all.tar -C out && test "
                         "\"$(cat out/a.txt out/d/b.txt)\" = onetwo";
  CHECK(std::system(command.c_str()) == 0);
  CHECK(client.ask("GET", "/healthz").status == 200);
}

TEST_CASE("an archive that cannot be finished is visibly cut off") {
  auto node = http_node{};
  auto record = ended_job("j");
  write_artifact(node, "j", "a.txt", "one");
  record.artifacts = {{"a.txt", 3, ""}, {"gone.txt", 3, ""}};
  node.put(record);
  auto client = http_client{node.port()};
  const auto answer = client.ask("GET", "/v1/jobs/j/artifacts.tar");
  CHECK(answer.body.size() < std::stoull(answer.header("content-length")));
  CHECK(client.is_closed());
}

TEST_CASE("why tells a waiting job about the node and an ended one its end") {
  auto node = http_node{};
  node.report.worker.running = 4;
  node.report.worker.concurrency = 4;
  node.put(pending_job("waits"));
  auto record = ended_job("ended");
  record.status = job_status::failed;
  record.reason = {reason_code::memory_limit, "killed at 64 MB", "raise it"};
  node.put(record);
  auto client = http_client{node.port()};
  const auto waits = json::parse(client.ask("GET", "/v1/jobs/waits/why").body);
  CHECK(waits.at("status") == "pending");
  CHECK_THAT(waits.at("chain").at(1).at("what").get<std::string>(),
             Catch::Contains("runs 4 of 4 jobs"));
  CHECK_THAT(waits.at("advice").get<std::string>(),
             Catch::Contains("worker.concurrency"));
  const auto ended = json::parse(client.ask("GET", "/v1/jobs/ended/why").body);
  CHECK(ended.at("chain").back().at("what") == "killed at 64 MB");
  CHECK(ended.at("advice") == "raise it");
}

TEST_CASE("the node's state is shown in its three forms") {
  auto node = http_node{};
  node.report.counters.accepted = 42;
  auto client = http_client{node.port()};
  CHECK(
    json::parse(client.ask("GET", "/v1/metrics").body).at("jobs").at("accepted")
    == 42);
  const auto text = client.ask("GET", "/metrics");
  CHECK_THAT(text.header("content-type"), Catch::Contains("version=0.0.4"));
  CHECK_THAT(text.body,
             Catch::Contains("\nopencode_worker_jobs_accepted_total 42\n"));
  CHECK_THAT(text.body, Catch::Contains("process_open_fds "));
  const auto workers = json::parse(client.ask("GET", "/v1/workers").body);
  CHECK(workers.at("workers").at(0).at("worker_id") == "worker");
  CHECK(client.ask("GET", "/ready").status == 503);
  node.report.ready.ready = true;
  const auto ready = client.ask("GET", "/ready");
  CHECK(ready.status == 200);
  CHECK(json::parse(ready.body).at("status") == "ready");
}
