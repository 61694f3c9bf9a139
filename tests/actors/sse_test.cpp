#include "actors/streaming_clients.hpp"
#include "actors/streaming_node.hpp"
#include "support/catch.hpp"

using namespace ocw;
using namespace ocw::test;

namespace {

/// One event as it stands in the stream.
struct sse_event {
  std::string id;
  std::string type;
  nlohmann::json data;
};

std::vector<sse_event> parse(std::string_view body) {
  auto events = std::vector<sse_event>{};
  while (!body.empty()) {
    const auto end = body.find("\n\n");
    REQUIRE(end != std::string_view::npos);
    auto block = std::string{body.substr(0, end)};
    body.remove_prefix(end + 2);
    if (block.starts_with(":"))
      continue;
    REQUIRE(block.starts_with("id: "));
    const auto type = block.find("\nevent: ");
    const auto data = block.find("\ndata: ");
    REQUIRE(type < data);
    REQUIRE(data != std::string::npos);
    events.push_back({block.substr(4, type - 4),
                      block.substr(type + 8, data - type - 8),
                      nlohmann::json::parse(block.substr(data + 7))});
  }
  return events;
}

} // namespace

TEST_CASE("an event stream tells a job's whole history and ends") {
  auto node = streaming_node{};
  auto& job = node.add_job("job");
  job.start();
  auto written = std::string{};
  for (auto i = 0; i < 300; ++i) {
    const auto text = std::string(static_cast<size_t>(i * 10), 'x') + "\n";
    job.add_cell(text);
    written += text;
  }
  job.announce();
  job.end();
  auto client = raw_client{node.port()};
  const auto answer = get(client, "/events/job");
  CHECK(answer.head.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(answer.has("Content-Type: text/event-stream\r\n"));
  const auto events = parse(answer.body);
  REQUIRE(events.size() == 306);
  auto output = std::string{};
  for (auto i = size_t{0}; i < events.size(); ++i) {
    CHECK(events[i].id == std::to_string(i + 1));
    CHECK(events[i].data["seq"] == i + 1);
    CHECK(events[i].data["type"] == events[i].type);
    if (events[i].type == "job_output")
      output += events[i].data["data"]["chunk"].get<std::string>();
  }
  CHECK(output == written);
  CHECK(events.back().type == "job_complete");
  // The connection is good for another request.
  CHECK(parse(get(client, "/events/job", "From: 306\r\n").body).size() == 1);
}

TEST_CASE("an event stream comes as things happen") {
  auto node = streaming_node{};
  auto& job = node.add_job("job");
  auto client = raw_client{node.port()};
  client.send(request_text("/events/job"));
  client.read_until("\r\n\r\n");
  job.start();
  client.read_until("id: 3\n");
  for (auto i = 0; i < 50; ++i) {
    job.write("now");
    client.read_until("id: " + std::to_string(4 + i) + "\n");
  }
  job.end(job_status::cancelled);
  client.read_until("event: job_error\n");
  client.read_until("\n\n\r\n0\r\n\r\n");
}

TEST_CASE("an event stream resumes where it says") {
  auto node = streaming_node{};
  auto& job = node.add_job("job");
  job.start();
  job.write("one");
  job.write("two");
  job.end();
  auto client = raw_client{node.port()};
  const auto events = parse(get(client, "/events/job", "From: 5\r\n").body);
  REQUIRE(events.size() == 4);
  CHECK(events[0].data["data"]["chunk"] == "two");
  CHECK(get(client, "/events/job", "From: 9\r\n").body.empty());
}

TEST_CASE("a client of HTTP/1.0 gets its event stream without chunks") {
  auto node = streaming_node{};
  auto& job = node.add_job("job");
  job.start();
  job.end();
  auto client = raw_client{node.port()};
  client.send("GET /events/job HTTP/1.0\r\n\r\n");
  const auto head = client.read_until("\r\n\r\n");
  CHECK(head.find("Transfer-Encoding") == std::string::npos);
  CHECK(head.find("Connection: close") != std::string::npos);
  CHECK(parse(client.read_all()).size() == 6);
}

TEST_CASE("a silent event stream has heartbeats between its events") {
  auto node = streaming_node{{.event_heartbeat = std::chrono::milliseconds{5}}};
  auto& job = node.add_job("job");
  auto client = raw_client{node.port()};
  client.send(request_text("/events/job"));
  client.read_until("\r\n\r\n");
  job.start();
  client.read_until("id: 3\n");
  for (auto i = 0; i < 3; ++i)
    client.read_until("\r\n: heartbeat\n\n\r\n");
  job.end();
  client.read_until("event: job_complete\n");
  client.read_until("\n\n\r\n0\r\n\r\n");
}

TEST_CASE("a closed event stream leaves no waiter behind") {
  auto node = streaming_node{};
  auto& job = node.add_job("job");
  job.start();
  const auto before = job.follow().use_count();
  auto client = raw_client{node.port()};
  client.send(request_text("/events/job"));
  client.read_until("id: 3\n");
  CHECK(job.follow().use_count() > before);
  client.close();
  CHECK(eventually([&] { return node.connections() == 0; }));
  CHECK(eventually([&] { return job.follow().use_count() == before; }));
  job.write("for nobody");
}

TEST_CASE("an event stream is cut off when the node stops") {
  auto node = streaming_node{};
  auto& job = node.add_job("job");
  job.start();
  auto client = raw_client{node.port()};
  client.send(request_text("/events/job"));
  client.read_until("id: 3\n");
  node.end_streams();
  // No last chunk: the client sees that this was not the end.
  CHECK(client.read_all().find("0\r\n\r\n") == std::string::npos);
  CHECK(eventually([&] { return node.connections() == 0; }));
}

TEST_CASE("a wake from another thread finds nothing after a stream has gone") {
  auto node = streaming_node{};
  auto& job = node.add_job("job");
  job.start();
  auto done = std::atomic<bool>{false};
  auto writer = std::thread{[&] {
    while (!done)
      job.write("x");
  }};
  for (auto i = 0; i < 40; ++i) {
    auto client = raw_client{node.port()};
    client.send(request_text("/events/job", "From: 3\r\n"));
    client.read_until("id: 3\n");
  }
  done = true;
  writer.join();
  CHECK(eventually([&] { return node.connections() == 0; }));
}
