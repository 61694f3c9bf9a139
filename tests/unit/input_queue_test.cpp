#include "process/input_queue.hpp"
#include "support/catch.hpp"

using ocw::input_queue;

namespace {

// Sends what may be sent now.
std::string drain(input_queue& queue) {
  auto sent = std::string{};
  while (!queue.next().empty()) {
    const auto piece = std::string{queue.next()};
    CHECK(piece.size() <= input_queue::piece);
    queue.sent(piece.size());
    sent += piece;
  }
  return sent;
}

} // namespace

TEST_CASE("input waits up to a bound, and is taken whole or not at all",
          "[input_queue]") {
  auto queue = input_queue{};
  const auto half = input_queue::capacity / 2;
  CHECK(queue.push(std::string(half, 'a'), false));
  CHECK(queue.push(std::string(half, 'b'), false));
  CHECK_FALSE(queue.push("c", false));
  CHECK(queue.push("", false)); // nothing always fits
  CHECK(drain(queue) == std::string(input_queue::window, 'a'));
  CHECK(queue.push("d", false));
}

TEST_CASE("one request larger than the bound is taken when nothing waits",
          "[input_queue]") {
  auto queue = input_queue{};
  CHECK(queue.push(std::string(3 * input_queue::capacity, 'a'), false));
  CHECK_FALSE(queue.push("b", true));
  auto sent = drain(queue).size();
  while (sent < 3 * input_queue::capacity) {
    queue.passed_on(sent);
    const auto more = drain(queue).size();
    REQUIRE(more > 0);
    sent += more;
  }
  CHECK_FALSE(queue.take_end()); // what was refused has no end either
  CHECK(queue.push("b", true));
}

TEST_CASE("no more than a window of input is under way", "[input_queue]") {
  auto queue = input_queue{};
  const auto text = std::string(input_queue::window + 10, 'a');
  CHECK(queue.push(text, true));
  CHECK(drain(queue).size() == input_queue::window);
  CHECK_FALSE(queue.take_end());
  queue.passed_on(4);
  CHECK(drain(queue).size() == 4);
  queue.passed_on(input_queue::window);
  CHECK(drain(queue).size() == 6);
  CHECK(queue.take_end());
  CHECK_FALSE(queue.take_end());
}
