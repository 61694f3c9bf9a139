#include "actors/streaming_clients.hpp"
#include "actors/streaming_node.hpp"
#include "support/catch.hpp"

#include <unistd.h>

using namespace ocw;
using namespace ocw::test;

namespace {

constexpr auto chunk = size_t{64} << 10;

const auto upgrade = request_text("/ws", "Upgrade: websocket\r\n"
                                         "Connection: upgrade\r\n"
                                         "Sec-WebSocket-Version: 13\r\n"
                                         "Sec-WebSocket-Key: "
                                         "dGhlIHNhbXBsZSBub25jZQ==\r\n");

// A WebSocket spoken by hand, since a checking client takes far longer to read
// all this than a server to send it.

/// A short text message from a client, masked with zeros.
std::string masked_frame(std::string_view text) {
  auto frame = std::string{'\x81', static_cast<char>(0x80 | text.size())};
  return frame.append(4, '\0').append(text);
}

std::string next_message(raw_client& client) {
  const auto head = client.read_exactly(2);
  REQUIRE(head[0] == '\x81');
  auto length = static_cast<uint64_t>(head[1]);
  if (length >= 126) {
    const auto digits = client.read_exactly(length == 126 ? 2 : 8);
    length = 0;
    for (const auto digit : digits)
      length = length << 8 | static_cast<unsigned char>(digit);
  }
  return client.read_exactly(length);
}

/// The next message that is not a heartbeat.
std::string next_event(raw_client& client) {
  auto message = next_message(client);
  while (message.starts_with(R"({"type":"heartbeat")"))
    message = next_message(client);
  return message;
}

/// Resident memory of this process, in bytes.
size_t resident_bytes() {
  auto statm = std::ifstream{"/proc/self/statm"};
  auto total = size_t{0};
  auto resident = size_t{0};
  statm >> total >> resident;
  return resident * static_cast<size_t>(::sysconf(_SC_PAGESIZE));
}

/// Makes a job with a history of `cells` chunks over the same few bytes.
void make_long(test_job& job, size_t cells) {
  job.start();
  auto line = std::string(99, 'x') + "\n";
  auto bytes = std::string{};
  while (bytes.size() < 16 * chunk)
    bytes += line;
  bytes.resize(16 * chunk);
  for (auto at = size_t{0}; at < bytes.size(); at += chunk)
    job.add_cell(std::string_view{bytes}.substr(at, chunk));
  for (auto i = size_t{16}; i < cells; ++i)
    job.add_index(wire::stream_id::out, i % 16 * chunk, chunk);
  job.announce();
}

} // namespace

TEST_CASE("one who stops reading slows nobody and costs no memory") {
  constexpr auto cells = size_t{3200}; // 200 MiB
  auto node = streaming_node{};
  auto& job = node.add_job("job");
  make_long(job, cells);
  auto stalled = std::vector<std::unique_ptr<websocket_client>>{};
  for (auto i = 0; i < 5; ++i) {
    stalled.push_back(std::make_unique<websocket_client>(node.port()));
    stalled.back()->subscribe({"job"});
  }
  auto stalled_sse = raw_client{node.port()};
  stalled_sse.send(request_text("/events/job"));
  const auto before = resident_bytes();
  auto most = before;
  auto client = raw_client{node.port()};
  client.send(upgrade);
  client.read_until("\r\n\r\n");
  client.send(
    masked_frame(R"({"type":"subscribe","job_ids":["job"],"from":{"job":4}})"));
  CHECK(next_message(client).starts_with(R"({"type":"connected")"));
  for (auto i = size_t{0}; i < cells; ++i) {
    const auto text = next_event(client);
    INFO(text.substr(0, 100));
    const auto seq = "\"seq\":" + std::to_string(4 + i) + ",";
    REQUIRE(text.substr(0, 100).find(seq) != std::string::npos);
    REQUIRE(text.size() > chunk);
    if (i % 16 == 0)
      most = std::max(most, resident_bytes());
  }
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  CHECK((most - before) >> 10 < 16 << 10);
#endif
  // They can still go on where they stopped.
  for (auto seq = 1; seq <= 10; ++seq)
    CHECK(stalled.front()->next_event()["seq"] == seq);
}

TEST_CASE("idle clients are cheap") {
  auto node = streaming_node{};
  node.settings.websocket.max_clients = 1000;
  auto& job = node.add_job("job");
  job.start();
  constexpr auto count = size_t{400};
  auto clients = std::vector<std::unique_ptr<raw_client>>{};
  const auto add_clients = [&](size_t n) {
    for (auto i = size_t{0}; i < n; ++i)
      clients.push_back(std::make_unique<raw_client>(node.port()));
  };
  const auto upgrade_from = [&](size_t first) {
    for (auto i = first; i < clients.size(); ++i) {
      clients[i]->send(upgrade);
      clients[i]->read_until("\"timestamp\":");
    }
  };
  add_clients(50);
  upgrade_from(0); // what is allocated once is there now
  add_clients(count);
  CHECK(eventually([&] { return node.connections() == count + 50; }));
  const auto before = resident_bytes();
  upgrade_from(50);
  const auto each = (resident_bytes() - before) / count;
  CAPTURE(each);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  CHECK(each < 12 << 10);
#endif
}
