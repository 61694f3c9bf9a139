#include "messages/request_limits.hpp"
#include "ocw/errors.hpp"

#include "support/catch.hpp"
#include "support/sizes.hpp"

#include <string>

using namespace ocw;
using test::mib;

namespace {

template <class T>
job_limits only(std::optional<T> job_limits::*field, T value) {
  auto result = job_limits{};
  result.*field = value;
  return result;
}

void check_refused(const job_limits& limits, const std::string& field,
                   const std::string& sentence) {
  auto request = job_request{};
  request.limits = limits;
  const auto result = resolve_limits(request, config{});
  REQUIRE_FALSE(result);
  CHECK(code_of(result.error()) == ec::limit_exceeded);
  CHECK(field_of(result.error()) == field);
  CHECK(sentence_of(result.error()) == sentence);
}

} // namespace

TEST_CASE("a request without limits gets the node's defaults") {
  auto settings = config{};
  settings.governance.default_cpu = 1.5;
  settings.governance.default_memory_mb = 333;
  settings.session.max_output_size_mb = 3;
  settings.session.default_timeout_ms = 5000;
  const auto limits = resolve_limits(job_request{}, settings);
  REQUIRE(limits);
  CHECK(limits->cpu_cores == 1.5);
  CHECK(limits->memory_mib == 333);
  CHECK(limits->timeout_ms == 5000);
  CHECK(limits->output_bytes == 3 * mib);
  CHECK(limits->disk_bytes == 0);
  CHECK(limits->pids == 4096);
  CHECK(limits->queue_timeout_ms == 0);
  CHECK(limits->idle_timeout_ms == 0);
}

TEST_CASE("a request's own limits are in force up to the maximum") {
  auto request = job_request{};
  request.limits = {.cpu_cores = 8.0,
                    .memory = mebibyte_size{8192 * mib},
                    .timeout_ms = 600000,
                    .max_output_size = byte_size{1},
                    .disk = byte_size{2},
                    .pids = 3,
                    .queue_timeout_ms = 4,
                    .idle_timeout_ms = 5,
                    .gpus = 0};
  const auto limits = resolve_limits(request, config{});
  REQUIRE(limits);
  CHECK(limits->cpu_cores == 8);
  CHECK(limits->memory_mib == 8192);
  CHECK(limits->timeout_ms == 600000);
  CHECK(limits->output_bytes == 1);
  CHECK(limits->disk_bytes == 2);
  CHECK(limits->pids == 3);
  CHECK(limits->queue_timeout_ms == 4);
  CHECK(limits->idle_timeout_ms == 5);
}

TEST_CASE("a limit over the maximum is refused with both numbers") {
  check_refused(only(&job_limits::cpu_cores, 8.5), "limits.cpu",
                "limits.cpu is 8.5, over governance.max_cpu (8)");
  check_refused(only(&job_limits::memory, mebibyte_size{16384 * mib}),
                "limits.memory",
                "limits.memory is 16384 MB, over governance.max_memory_mb "
                "(8192)");
  check_refused(only(&job_limits::memory, mebibyte_size{8192 * mib + 1}),
                "limits.memory",
                "limits.memory is 8193 MB, over governance.max_memory_mb "
                "(8192)");
  check_refused(only(&job_limits::timeout_ms, uint64_t{600001}),
                "limits.timeout",
                "limits.timeout is 600001 ms, over governance.max_timeout_ms "
                "(600000)");
  check_refused(
    only(&job_limits::max_output_size, byte_size{max_output_bytes + 1}),
    "limits.max_output_size",
    "limits.max_output_size is 68719476737 bytes, over the most "
    "that is kept (68719476736)");
  check_refused(only(&job_limits::gpus, 1u), "limits.gpu",
                "limits.gpu is 1, over this node's gpus (0)");
}

TEST_CASE("a default never exceeds the maximum") {
  auto settings = config{};
  settings.governance.max_cpu = 1;
  settings.governance.max_memory_mb = 100;
  settings.governance.max_timeout_ms = 10;
  settings.session.max_output_size_mb = UINT64_MAX;
  const auto limits = resolve_limits(job_request{}, settings);
  REQUIRE(limits);
  CHECK(limits->cpu_cores == 1);
  CHECK(limits->memory_mib == 100);
  CHECK(limits->timeout_ms == 10);
  CHECK(limits->output_bytes == max_output_bytes);
}

TEST_CASE("memory is counted in whole MiB that hold it") {
  auto request = job_request{};
  request.limits.memory = mebibyte_size{1};
  CHECK(resolve_limits(request, config{})->memory_mib == 1);
  request.limits.memory = mebibyte_size{mib + 1};
  CHECK(resolve_limits(request, config{})->memory_mib == 2);
}

TEST_CASE("a job that asks for nothing has a bound on its processes") {
  auto settings = config{};
  auto request = job_request{};
  CHECK(resolve_limits(request, settings)->pids == 4096);
  settings.governance.default_pids = 7;
  CHECK(resolve_limits(request, settings)->pids == 7);
  request.limits.pids = 9;
  CHECK(resolve_limits(request, settings)->pids == 9);
  request.limits.pids = 0;
  CHECK(resolve_limits(request, settings)->pids == 0);
}

// -- disk ---------------------------------------------------------------------

TEST_CASE("a bound on disk holds for jobs that ask for none, too") {
  auto settings = config{};
  auto request = job_request{};
  auto& node = settings.governance;
  const auto given
    = [&] { return resolve_limits(request, settings)->disk_bytes; };
  CHECK(given() == 0);
  node.default_disk_mb = 4;
  CHECK(given() == 4 * mib);
  node.max_disk_mb = 8;
  CHECK(given() == 4 * mib);
  node.default_disk_mb = 0;
  CHECK(given() == 8 * mib);
  request.limits.disk = byte_size{8 * mib};
  CHECK(given() == 8 * mib);
  request.limits.disk = byte_size{8 * mib + 1};
  CHECK(sentence_of(resolve_limits(request, settings).error())
        == "limits.disk is 9 MB, over governance.max_disk_mb (8)");
  request.limits.disk = byte_size{0};
  const auto without = resolve_limits(request, settings);
  REQUIRE_FALSE(without);
  CHECK(code_of(without.error()) == ec::limit_exceeded);
  CHECK(field_of(without.error()) == "limits.disk");
  node.max_disk_mb = 0;
  CHECK(given() == 0);
}

TEST_CASE("files that a disk cannot hold are refused before the job runs") {
  auto request = job_request{};
  request.files["a"].bytes = std::string(4097, 'x'); // two pages
  request.files["b"].bytes = "x";
  request.limits.disk = byte_size{4 * 4096}; // and opencode.json
  CHECK(resolve_limits(request, config{}));
  request.limits.disk = byte_size{4 * 4096 - 1};
  const auto refused = resolve_limits(request, config{});
  REQUIRE_FALSE(refused);
  CHECK(code_of(refused.error()) == ec::limit_exceeded);
  CHECK(field_of(refused.error()) == "files");
  request.files.clear();
  CHECK(resolve_limits(request, config{}));
}
