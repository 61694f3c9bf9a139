#include "actors/streaming_clients.hpp"
#include "actors/streaming_node.hpp"
#include "support/catch.hpp"

using namespace ocw;
using namespace ocw::test;

namespace {

std::string some_bytes(size_t count) {
  auto bytes = std::string(count, '\0');
  for (auto i = size_t{0}; i < count; ++i)
    bytes[i] = static_cast<char>(i * 31 + i / 256);
  return bytes;
}

} // namespace

TEST_CASE("logs are the exact bytes of a stream") {
  auto node = streaming_node{};
  auto& job = node.add_job("job");
  job.start();
  const auto out = some_bytes(3'000'000);
  job.write(out);
  job.write("to stderr", wire::stream_id::err);
  auto client = raw_client{node.port()};
  const auto answer = get(client, "/logs/job");
  CHECK(answer.head.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(answer.has("Content-Type: application/octet-stream\r\n"));
  CHECK(answer.has("Accept-Ranges: bytes\r\n"));
  CHECK(answer.has("X-Content-Type-Options: nosniff\r\n"));
  CHECK(answer.has("Content-Length: 3000000\r\n"));
  CHECK((answer.body == out));
  CHECK(get(client, "/logs/job", "Stream: stderr\r\n").body == "to stderr");
}

TEST_CASE("logs of a stream nobody wrote to are empty") {
  auto node = streaming_node{};
  node.add_job("job");
  auto client = raw_client{node.port()};
  const auto answer = get(client, "/logs/job");
  CHECK(answer.has("200 OK"));
  CHECK(answer.body.empty());
}

TEST_CASE("logs come in ranges") {
  auto node = streaming_node{};
  auto& job = node.add_job("job");
  job.start();
  job.write("0123456789");
  auto client = raw_client{node.port()};
  auto answer = get(client, "/logs/job", "Range: bytes=2-4\r\n");
  CHECK(answer.has("206 Partial Content"));
  CHECK(answer.has("Content-Range: bytes 2-4/10\r\n"));
  CHECK(answer.body == "234");
  answer = get(client, "/logs/job", "Range: bytes=7-\r\n");
  CHECK(answer.has("Content-Range: bytes 7-9/10\r\n"));
  CHECK(answer.body == "789");
  answer = get(client, "/logs/job", "Range: bytes=-4\r\n");
  CHECK(answer.body == "6789");
  answer = get(client, "/logs/job", "Range: bytes=10-\r\n");
  CHECK(answer.has("416 "));
  CHECK(answer.has("Content-Range: bytes */10\r\n"));
  CHECK(nlohmann::json::parse(answer.body)["code"] == "invalid_request");
  answer = get(client, "/logs/job", "Range: bytes=0-1,4-5\r\n");
  CHECK(answer.has("200 OK"));
  CHECK(answer.body == "0123456789");
  answer = get(client, "/logs/job", "Range: bytes=0-1\r\nIf-Range: \"a\"\r\n");
  CHECK(answer.has("200 OK"));
}

TEST_CASE("logs start and stop where the query says") {
  auto node = streaming_node{};
  auto& job = node.add_job("job");
  job.start();
  job.write("0123456789");
  auto client = raw_client{node.port()};
  CHECK(get(client, "/logs/job", "Offset: 3\r\nLimit: 4\r\n").body == "3456");
  CHECK(get(client, "/logs/job", "Offset: 8\r\n").body == "89");
  CHECK(get(client, "/logs/job", "Offset: 50\r\n").body.empty());
  CHECK(get(client, "/logs/job", "Limit: 0\r\n").body.empty());
}

TEST_CASE("HEAD tells of the logs without sending them") {
  auto node = streaming_node{};
  auto& job = node.add_job("job");
  job.start();
  job.write("0123456789");
  auto client = raw_client{node.port()};
  CHECK(get(client, "/logs/job", {}, "HEAD").has("Content-Length: 10\r\n"));
  CHECK(get(client, "/logs/job", "Follow: 1\r\n", "HEAD").has("200 OK"));
  CHECK(get(client, "/logs/job").body == "0123456789");
}

TEST_CASE("followed logs grow with the job, to the byte, and end with it") {
  auto node = streaming_node{};
  auto& job = node.add_job("job");
  job.start();
  job.write("skipped");
  auto written = std::string{};
  auto writer = std::thread{[&] {
    for (auto i = 0; i < 300; ++i) {
      const auto bytes = some_bytes(static_cast<size_t>(i * i % 20000 + 1));
      job.write(bytes);
      job.write("other", wire::stream_id::err);
      written += bytes;
    }
    job.end();
  }};
  auto client = raw_client{node.port()};
  const auto answer = get(client, "/logs/job", "Follow: 1\r\nOffset: 7\r\n");
  writer.join();
  CHECK((answer.body == written));
  CHECK(get(client, "/logs/job", "Limit: 7\r\n").body == "skipped");
}

TEST_CASE("followed logs wait for the first byte and come at once") {
  auto node = streaming_node{};
  auto& job = node.add_job("job");
  auto client = raw_client{node.port()};
  client.send(request_text("/logs/job", "Follow: 1\r\n"));
  client.read_until("\r\n\r\n");
  job.start();
  job.write("first");
  CHECK(client.read_until("first").ends_with("first"));
  job.end();
  CHECK(client.read_until("\r\n0\r\n\r\n") == "\r\n0\r\n\r\n");
}

TEST_CASE("followed logs end at their limit") {
  auto node = streaming_node{};
  auto& job = node.add_job("job");
  job.start();
  job.write("0123456789");
  auto client = raw_client{node.port()};
  CHECK(get(client, "/logs/job", "Follow: 1\r\nOffset: 2\r\nLimit: 3\r\n").body
        == "234");
}

TEST_CASE("followed logs notice that the client is gone") {
  auto node = streaming_node{};
  auto& job = node.add_job("job");
  job.start();
  const auto before = job.follow().use_count();
  auto client = raw_client{node.port()};
  client.send(request_text("/logs/job", "Follow: 1\r\n"));
  client.read_until("\r\n\r\n");
  client.close();
  CHECK(eventually([&] { return node.connections() == 0; }));
  CHECK(job.follow().use_count() == before);
}
