#include "actors/outcome.hpp"
#include "process/process_end.hpp"

#include "support/catch.hpp"

using namespace ocw;

namespace {

/// What becomes of a job whose shim left this.
job_record after(const wire::end_record& left,
                 std::vector<std::string> layers = {"disk_tmpfs"}) {
  auto record = job_record{};
  record.isolation.layers = std::move(layers);
  auto limits = effective_limits{};
  limits.memory_mib = 64;
  limits.disk_bytes = 8192;
  apply_end(record, process_end_of(left), limits, {});
  return record;
}

} // namespace

TEST_CASE("a job with its disk full is told the figures and the limit") {
  auto left = wire::end_record{};
  left.cause = wire::stop_cause::disk_limit;
  left.wait_status = 1;
  left.disk_bytes = 8192;
  left.disk_files = 5;
  const auto record = after(left);
  CHECK(record.status == job_status::failed);
  CHECK(record.reason.code == reason_code::disk_limit);
  CHECK(record.reason.message
        == "no room left for its files: 8192 bytes in 5 files and directories "
           "(limits.disk is 8192 bytes)");
  CHECK(record.reason.hint == "raise limits.disk, or write less");
  CHECK(record.metrics.disk_used_mb == 1);
}

TEST_CASE("a store without room is not mistaken for a job's disk") {
  auto left = wire::end_record{};
  left.cause = wire::stop_cause::spool_failed;
  left.error = ENOSPC;
  const auto record = after(left);
  CHECK(record.reason.code == reason_code::disk_limit);
  CHECK(record.reason.message.find("node's store") != std::string::npos);
  CHECK(record.reason.hint.find("node's disk") != std::string::npos);
}

TEST_CASE("files that are in memory are named when memory ran out") {
  auto left = wire::end_record{};
  left.cause = wire::stop_cause::memory_limit;
  left.memory_peak_kb = 65536;
  left.disk_bytes = 40 << 20;
  CHECK(after(left).reason.message
        == "killed at 64 MB (limit 64 MB), with 40 MB of files, which "
           "limits.disk keeps in memory");
  CHECK(after(left, {}).reason.message == "killed at 64 MB (limit 64 MB)");
}
