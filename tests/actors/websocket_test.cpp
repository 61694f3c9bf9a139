#include "actors/streaming_clients.hpp"
#include "actors/streaming_node.hpp"
#include "messages/base64.hpp"
#include "support/catch.hpp"

using namespace ocw;
using namespace ocw::test;

namespace {

/// Reads a job's events up to the terminal one, checks that there is no gap and
/// no duplicate, and returns what was written to stdout.
std::string read_to_end(websocket_client& client, const std::string& job_id,
                        uint64_t from_seq = 1) {
  auto output = std::string{};
  for (auto seq = from_seq;; ++seq) {
    const auto event = client.next_event();
    REQUIRE(event["job_id"] == job_id);
    REQUIRE(event["seq"] == seq);
    if (event["type"] == "job_output") {
      REQUIRE(event["data"]["offset"] == output.size());
      output += event["data"]["chunk"].get<std::string>();
    }
    if (event["type"] == "job_complete" || event["type"] == "job_error")
      return output;
  }
}

} // namespace

TEST_CASE("a websocket client is greeted") {
  auto node = streaming_node{};
  auto client = websocket_client{node.port()};
  CHECK(client.greeting()["type"] == "connected");
  CHECK(client.greeting()["client_id"].get<std::string>().size() == 36);
  CHECK(client.greeting()["timestamp"].is_number_integer());
}

TEST_CASE("a follower gets every event once, in order, as it happens") {
  auto node = streaming_node{};
  auto& job = node.add_job("job");
  auto client = websocket_client{node.port()};
  client.subscribe({"job"});
  job.start();
  for (auto seq = 1; seq <= 3; ++seq) {
    const auto event = client.next_event();
    CHECK(event["type"] == "job_status");
    CHECK(event["seq"] == seq);
  }
  auto written = std::string{};
  for (auto i = 0; i < 500; ++i) {
    const auto line = "line " + std::to_string(i) + "\n";
    job.write(line);
    written += line;
    if (i % 50 == 0) // now and then it keeps up
      CHECK(client.next_event()["seq"] == 4 + i / 50);
  }
  job.end();
  auto rest = std::string{};
  for (auto seq = 14;; ++seq) {
    const auto event = client.next_event();
    REQUIRE(event["seq"] == seq);
    if (event["type"] == "job_output")
      rest += event["data"]["chunk"].get<std::string>();
    if (event["type"] == "job_complete")
      break;
  }
  CHECK(written.ends_with(rest));
  CHECK(rest.starts_with("line 10\n"));
}

TEST_CASE("a late follower gets the whole history") {
  auto node = streaming_node{};
  auto& job = node.add_job("job");
  job.start();
  auto written = std::string{};
  for (auto i = 0; i < 1000; ++i) {
    const auto chunk = std::string(static_cast<size_t>(i * 7 % 3000 + 1),
                                   static_cast<char>('a' + i % 26));
    job.add_cell(chunk);
    written += chunk;
  }
  job.announce();
  job.end(job_status::failed);
  auto client = websocket_client{node.port()};
  client.subscribe({"job"});
  CHECK(read_to_end(client, "job") == written);
}

TEST_CASE("a follower resumes where it says") {
  auto node = streaming_node{};
  auto& job = node.add_job("job");
  job.start();
  job.write("one");
  job.write("two");
  auto client = websocket_client{node.port()};
  client.subscribe({"job"}, {{"job", 5}});
  const auto event = client.next_event();
  CHECK(event["seq"] == 5);
  CHECK(event["data"]["chunk"] == "two");
  job.end();
  CHECK(client.next_event()["seq"] == 6);
}

TEST_CASE("messages of every length arrive whole") {
  auto node = streaming_node{};
  auto& job = node.add_job("j");
  job.start();
  auto written = std::string{};
  // Around the lengths at which a frame's head changes.
  for (const auto length : {1, 10, 125, 126, 127, 65300, 65400, 65535, 65536}) {
    job.write(std::string(static_cast<size_t>(length), 'x'));
    written.append(static_cast<size_t>(length), 'x');
  }
  job.end();
  auto client = websocket_client{node.port()};
  client.subscribe({"j"});
  CHECK(read_to_end(client, "j") == written);
}

TEST_CASE("one socket follows several jobs, each in its own order") {
  auto node = streaming_node{};
  auto ids = std::vector<std::string>{};
  auto jobs = std::vector<test_job*>{};
  for (auto i = 0; i < 100; ++i) {
    ids.push_back("job-" + std::to_string(i));
    jobs.push_back(&node.add_job(ids.back()));
  }
  auto client = websocket_client{node.port()};
  client.subscribe(ids);
  auto writer = std::thread{[&] {
    for (auto* job : jobs)
      job->start();
    for (auto round = 0; round < 10; ++round)
      for (auto* job : jobs)
        job->write(job->id());
    for (auto* job : jobs)
      job->end();
  }};
  auto next = std::map<std::string, uint64_t>{};
  auto ended = size_t{0};
  while (ended < ids.size()) {
    const auto event = client.next_event();
    REQUIRE(event["seq"] == ++next[event["job_id"]]);
    if (event["type"] == "job_output")
      CHECK(event["data"]["chunk"] == event["job_id"]);
    ended += event["type"] == "job_complete" ? 1 : 0;
  }
  writer.join();
  for (const auto& id : ids)
    CHECK(next[id] == 16);
}

TEST_CASE("a job is followed once, however often it is asked for") {
  auto node = streaming_node{};
  auto& job = node.add_job("job");
  job.start();
  auto client = websocket_client{node.port()};
  client.subscribe({"job", "job"});
  client.subscribe({"job"});
  job.end();
  read_to_end(client, "job");
  client.subscribe({"job"}); // its end was told already
  client.say({{"type", "ping"}});
  CHECK(client.next_event()["type"] == "pong");
  client.subscribe({"job"}, {{"job", 1}}); // unless it is asked for
  read_to_end(client, "job");
  client.say({{"type", "unsubscribe"}, {"job_ids", {"job"}}});
  client.subscribe({"job"});
  read_to_end(client, "job");
}

TEST_CASE("an unsubscribed job is silent") {
  auto node = streaming_node{};
  auto& job = node.add_job("job");
  job.start();
  auto client = websocket_client{node.port()};
  client.subscribe({"job"}, {{"job", 3}});
  CHECK(client.next_event()["seq"] == 3);
  client.say({{"type", "unsubscribe"}, {"job_ids", {"job"}}});
  client.say({{"type", "ping"}});
  CHECK(client.next_event()["type"] == "pong");
  job.write("unheard");
  client.say({{"type", "ping"}});
  CHECK(client.next_event()["type"] == "pong");
}

TEST_CASE("output that is no text comes in base64") {
  auto node = streaming_node{};
  auto& job = node.add_job("job");
  job.start();
  const auto bytes = std::string{"\xff\x00\x80 binary", 10};
  job.write(bytes);
  auto client = websocket_client{node.port()};
  client.subscribe({"job"}, {{"job", 4}});
  const auto event = client.next_event();
  CHECK(event["data"]["encoding"] == "base64");
  auto decoded = std::string{};
  REQUIRE(base64_decode(decoded, event["data"]["chunk"].get<std::string>()));
  CHECK(decoded == bytes);
}
