#include "actors/streaming_clients.hpp"
#include "actors/streaming_node.hpp"
#include "support/catch.hpp"

using namespace ocw;
using namespace ocw::test;
using nlohmann::json;

TEST_CASE("a message that makes no sense is answered, and the socket stays") {
  auto node = streaming_node{};
  node.add_job("job");
  auto client = websocket_client{node.port()};
  const auto refused = {
    R"({"type":"subscribe","job_ids":["job"])", // cut short
    R"([])",
    R"({"type":"dance"})",
    R"({"job_ids":["job"]})",
    R"({"type":"subscribe"})",
    R"({"type":"subscribe","job_ids":"job"})",
    R"({"type":"subscribe","job_ids":["../job"]})",
    R"({"type":"subscribe","job_ids":["job"],"colour":"red"})",
    R"({"type":"subscribe","job_ids":["job"],"from":{"job":0}})",
    R"({"type":"subscribe","job_ids":["job"],"from":{"other":1}})",
    R"({"type":"subscribe","job_ids":["job"],"data":"x"})",
    R"({"type":"ping","job_id":"job"})",
    R"({"type":"stdin","job_id":"job"})",
    R"({"type":"stdin","data":"x"})",
  };
  for (const auto* text : refused) {
    CAPTURE(text);
    client.say_text(text);
    const auto answer = client.next_event();
    CHECK(answer["type"] == "error");
    CHECK(answer["code"] == "invalid_request");
    CHECK(answer["error"].is_string());
  }
  client.say_binary(R"({"type":"ping"})");
  CHECK(client.next_event()["type"] == "error");
  client.say({{"type", "ping"}});
  CHECK(client.next_event()["type"] == "pong");
}

TEST_CASE("a job that does not exist is an error that names it") {
  auto node = streaming_node{};
  auto& job = node.add_job("here");
  job.start();
  auto client = websocket_client{node.port()};
  client.subscribe({"gone", "here"});
  const auto answer = client.next_event();
  CHECK(answer["type"] == "error");
  CHECK(answer["code"] == "not_found");
  CHECK(answer["job_id"] == "gone");
  CHECK(client.next_event()["job_id"] == "here");
}

TEST_CASE("a client feeds a job's standard input") {
  auto node = streaming_node{};
  node.add_job("job");
  auto client = websocket_client{node.port()};
  client.say({{"type", "stdin"}, {"job_id", "job"}, {"data", "a\nb"}});
  client.say({{"type", "stdin"}, {"job_id", "job"}, {"eof", true}});
  client.say({{"type", "stdin"}, {"job_id", "gone"}, {"data", "x"}});
  const auto answer = client.next_event();
  CHECK(answer["code"] == "not_found");
  const auto fed = node.fed();
  REQUIRE(fed.size() == 2);
  CHECK(fed[0].bytes == "a\nb");
  CHECK_FALSE(fed[0].eof);
  CHECK(fed[1].bytes.empty());
  CHECK(fed[1].eof);
}

TEST_CASE("a message over a mebibyte closes with 1009") {
  auto node = streaming_node{};
  auto client = websocket_client{node.port()};
  client.say_text(std::string((size_t{1} << 20) + 1, ' '));
  CHECK(client.close_code() == 1009);
}

TEST_CASE("a client too many is told to come back later") {
  auto node = streaming_node{};
  node.settings.websocket.max_clients = 1;
  {
    auto first = websocket_client{node.port()};
    auto second = websocket_client{node.port(), false};
    CHECK(second.close_code() == 1013);
    first.say({{"type", "ping"}});
    CHECK(first.next_event()["type"] == "pong");
  }
  CHECK(eventually([&] { return node.connections() == 0; }));
  auto third = websocket_client{node.port()};
  CHECK(third.greeting()["type"] == "connected");
}

TEST_CASE("heartbeats come by themselves") {
  auto node = streaming_node{};
  node.settings.websocket.heartbeat_interval_ms = 10;
  auto client = websocket_client{node.port()};
  for (auto i = 0; i < 3; ++i) {
    const auto beat = client.next();
    CHECK(beat["type"] == "heartbeat");
    CHECK(beat["job_id"] == "system");
    CHECK(beat["data"] == json::object());
    CHECK(beat["timestamp"].is_number_integer());
  }
}

TEST_CASE("a node that stops closes its websockets with 1001") {
  auto node = streaming_node{};
  auto client = websocket_client{node.port()};
  node.end_streams();
  CHECK(client.close_code() == 1001);
  CHECK(eventually([&] { return node.connections() == 0; }));
}

TEST_CASE("a history that is damaged ends with an error, not with a gap") {
  auto node = streaming_node{};
  auto& job = node.add_job("job");
  job.start();
  job.write("good");
  job.add_index(wire::stream_id::err, 0, 5); // bytes that are not there
  job.announce();
  auto client = websocket_client{node.port()};
  client.subscribe({"job"}, {{"job", 4}});
  CHECK(client.next_event()["data"]["chunk"] == "good");
  const auto answer = client.next_event();
  CHECK(answer["type"] == "error");
  CHECK(answer["code"] == "internal");
  CHECK(answer["job_id"] == "job");
}

TEST_CASE("a client that is gone leaves no waiter behind") {
  auto node = streaming_node{};
  auto& job = node.add_job("job");
  job.start();
  const auto before = job.follow().use_count();
  {
    auto client = websocket_client{node.port()};
    client.subscribe({"job"});
    for (auto seq = 1; seq <= 3; ++seq)
      client.next_event();
    client.drop();
  }
  CHECK(eventually([&] { return node.connections() == 0; }));
  CHECK(eventually([&] { return job.follow().use_count() == before; }));
  job.write("for nobody");
}
