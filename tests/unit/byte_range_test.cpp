#include "net/byte_range.hpp"
#include "support/catch.hpp"

using namespace ocw::net;

namespace {

void check_part(std::string_view header, uint64_t first, uint64_t length) {
  CAPTURE(header);
  const auto answer = read_range(header, 100);
  REQUIRE(answer.part);
  CHECK(answer.satisfiable);
  CHECK(answer.part->first == first);
  CHECK(answer.part->length == length);
}

} // namespace

TEST_CASE("a range is read in its three forms and cut at the end") {
  check_part("bytes=0-0", 0, 1);
  check_part("bytes=10-19", 10, 10);
  check_part("bytes=90-1000", 90, 10);
  check_part("bytes=90-99999999999999999999999", 90, 10);
  check_part("bytes=99-", 99, 1);
  check_part("bytes=-1", 99, 1);
  check_part("bytes=-1000", 0, 100);
}

TEST_CASE("a range beyond the end cannot be satisfied") {
  CHECK_FALSE(read_range("bytes=100-", 100).satisfiable);
  CHECK_FALSE(read_range("bytes=100-200", 100).satisfiable);
  CHECK_FALSE(read_range("bytes=-0", 100).satisfiable);
  CHECK_FALSE(read_range("bytes=0-", 0).satisfiable);
  CHECK_FALSE(read_range("bytes=-5", 0).satisfiable);
}

TEST_CASE("a range that is not understood is ignored") {
  for (const auto* header :
       {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-4", "lines=1-2",
        "bytes=0-1,3-4", "bytes=1", "bytes=+1-2", "bytes= 1-2"}) {
    CAPTURE(header);
    const auto answer = read_range(header, 100);
    CHECK(answer.satisfiable);
    CHECK_FALSE(answer.part);
  }
}
