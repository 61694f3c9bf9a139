// What a job writes, and what of it is in the spool.

#include "launcher/mask.hpp"
#include "support/catch.hpp"
#include "support/launched.hpp"

using namespace ocw;
using namespace ocw::launcher::test;
using wire::stream_id;

namespace {

struct kept_shim : one_shim {
  spool run(const launcher::job_request& job) {
    const auto result = shim.run(job);
    REQUIRE(result.end);
    auto kept = read_spool(job.spool_prefix);
    CHECK(kept.wrong == "");
    REQUIRE(kept.end);
    return kept;
  }
};

// The same bytes on every run, all values, no pattern a bug could hide in.
std::string noise(size_t size, uint32_t seed) {
  std::string bytes(size, '\0');
  for (auto& byte : bytes) {
    seed = seed * 1664525 + 1013904223;
    byte = static_cast<char>(seed >> 24);
  }
  return bytes;
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string repeated(const std::string& text, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i)
    all += text;
  return all;
}

} // namespace

TEST_CASE("20 MB of binary output on both streams come through byte for byte",
          "[launcher]") {
  kept_shim s;
  const auto first = noise(12'000'001, 1);
  const auto second = noise(8'000'003, 2);
  write_file(s.dir.path() + "/first", first);
  write_file(s.dir.path() + "/second", second);
  const auto kept = s.run(shell(s.dir, "cat second >&2 & cat first; wait"));
  CHECK((kept.out == first));
  CHECK((kept.err == second));
  CHECK(kept.end->stdout_bytes == first.size());
  CHECK(kept.end->stdout_truncated == 0);
  for (const auto& cell : kept.cells)
    REQUIRE(cell.length <= 65536);
  CHECK(kept.cells.size() < 2000); // few and large ones
}

TEST_CASE("no chunk ends inside a character", "[launcher]") {
  kept_shim s;
  // Two euro signs and a clef, cut by writes that are seen one by one: each
  // waits until its bytes are in the spool.
  auto job = shell(s.dir, "size() { until [ \"$(stat -c %s $1 2>/dev/null)\" = "
                          "$2 ]; do :; done; }; "
                          "printf 'a\\342'; size $S 2; printf '\\202'; "
                          "size $S 3; printf '\\254b\\342\\202\\254'; "
                          "size $S 8; printf '\\360\\235\\204'; size $S 11; "
                          "printf '\\236'");
  job.env.insert(job.env.begin(), "S=" + job.spool_prefix + ".stdout");
  const auto kept = s.run(job);
  CHECK(kept.out == "a\342\202\254b\342\202\254\360\235\204\236");
  const auto chunks = kept.chunks(stream_id::out);
  CHECK(chunks
        == std::vector<std::string>{"a", "\342\202\254b\342\202\254",
                                    "\360\235\204\236"});
}

TEST_CASE("an unfinished character at the end is not lost", "[launcher]") {
  kept_shim s;
  const auto kept = s.run(shell(s.dir, "printf 'x\\342\\202'"));
  CHECK(kept.out == "x\342\202");
}

TEST_CASE("chunks of text are large, whole and within the bound",
          "[launcher]") {
  kept_shim s;
  const auto text = repeated("\342\202\254", 700'000);
  write_file(s.dir.path() + "/text", text);
  auto job = shell(s.dir, "cat text");
  SECTION("of the usual size") {
    job.spec.chunk_bytes = 65536;
  }
  SECTION("of an odd size") {
    job.spec.chunk_bytes = 1000;
  }
  SECTION("of the smallest size") {
    job.spec.chunk_bytes = 4;
  }
  const auto kept = s.run(job);
  CHECK((kept.out == text));
  size_t tiny = 0;
  for (const auto& chunk : kept.chunks(stream_id::out)) {
    REQUIRE(chunk.size() <= job.spec.chunk_bytes);
    REQUIRE(chunk.size() % 3 == 0);
    tiny += chunk.size() * 3 < job.spec.chunk_bytes ? 1 : 0;
  }
  CHECK(tiny <= 1); // the last one
}

TEST_CASE("output is cut at the exact byte of its limit", "[launcher]") {
  kept_shim s;
  auto job = shell(s.dir, "head -c 60000 /dev/zero; head -c 60000 /dev/zero "
                          ">&2; echo done");
  SECTION("more than the limit") {
    job.spec.output_bytes = 100'001;
    const auto kept = s.run(job);
    CHECK(kept.out.size() + kept.err.size() == 100'001);
    CHECK(kept.end->cause == wire::stop_cause::output_limit);
    CHECK(kept.end->stdout_truncated + kept.end->stderr_truncated >= 1);
    CHECK(kept.count(wire::cell_kind::truncated)
          == size_t{kept.end->stdout_truncated}
               + size_t{kept.end->stderr_truncated});
  }
  SECTION("exactly the limit") {
    job.spec.output_bytes = 120'005;
    const auto kept = s.run(job);
    CHECK(kept.out.size() + kept.err.size() == 120'005);
    CHECK(kept.end->cause == wire::stop_cause::none);
    CHECK(kept.count(wire::cell_kind::truncated) == 0);
  }
  SECTION("one byte less than the output") {
    job.spec.output_bytes = 120'004;
    const auto kept = s.run(job);
    CHECK(kept.out.size() + kept.err.size() == 120'004);
    CHECK(kept.end->cause == wire::stop_cause::output_limit);
    // Which stream is read last is not for the job to say.
    CHECK(kept.end->stdout_truncated + kept.end->stderr_truncated == 1);
    CHECK(kept.count(wire::cell_kind::truncated) == 1);
  }
}

TEST_CASE("a limit holds for output that is read after the end", "[launcher]") {
  kept_shim s;
  // The first write makes the shim enlarge the pipe, the second fills it while
  // the shim stands still, so most of it is read when the job is over.
  auto job = shell(s.dir, "dd if=zeros bs=65536 count=1 2>/dev/null; "
                          "until [ -e go ]; do :; done; "
                          "cat zeros");
  write_file(s.dir.path() + "/zeros", std::string(800'000, '\0'));
  job.spec.output_bytes = 800'000;
  s.shim.start(job);
  REQUIRE(eventually(
    [&] { return slurp(job.spool_prefix + ".stdout").size() == 65536; }));
  REQUIRE(::kill(s.shim.pid(), SIGSTOP) == 0);
  write_file(s.dir.path() + "/go", "");
  CHECK(eventually([&] { return alive(job) == 0; }));
  REQUIRE(::kill(s.shim.pid(), SIGCONT) == 0);
  const auto end = s.shim.wait().end;
  REQUIRE(end);
  CHECK(end->cause == wire::stop_cause::output_limit);
  CHECK(end->wait_status == 0);
  const auto kept = read_spool(job.spool_prefix);
  CHECK(kept.wrong == "");
  CHECK(kept.out.size() == 800'000);
}

TEST_CASE("a flood beyond the limit does not stop the job from ending",
          "[launcher]") {
  kept_shim s;
  // Handles TERM and still writes more than a pipe holds before it goes.
  auto job = shell(s.dir, "trap 'head -c 3000000 /dev/zero; exit 7' TERM; "
                          "while :; do head -c 100000 /dev/zero; done");
  job.spec.output_bytes = 1'000'000;
  job.spec.kill_grace_ms = 15000;
  const auto kept = s.run(job);
  CHECK(kept.out.size() == 1'000'000);
  CHECK(kept.end->wait_status == 7);
  CHECK(kept.end->signalled == 0);
}

TEST_CASE("a stream that is not captured goes nowhere", "[launcher]") {
  kept_shim s;
  auto job = shell(s.dir, "readlink /proc/$$/fd/2; echo lost >&2");
  job.spec.capture_stderr = 0;
  const auto kept = s.run(job);
  CHECK(kept.out == "/dev/null\n");
  CHECK(kept.err == "");
}

TEST_CASE("a job that closes its output goes on", "[launcher]") {
  kept_shim s;
  const auto kept
    = s.run(shell(s.dir, "echo a; exec >&- 2>&-; sleep 0.1; touch after"));
  CHECK(kept.out == "a\n");
  CHECK(kept.end->wait_status == 0);
  CHECK(std::filesystem::exists(s.dir.path() + "/after"));
}

TEST_CASE("secrets are masked however they are written", "[launcher]") {
  kept_shim s;
  auto job = shell(s.dir, "printf 'key=hunter'; until [ -s $S ]; do :; done; "
                          "printf '2!\\n'; echo also hunter2 hunter2 >&2; "
                          "printf hunt");
  job.env.insert(job.env.begin(), "S=" + job.spool_prefix + ".stdout");
  job.secrets = {"hunter2", ""};
  const auto kept = s.run(job);
  CHECK(kept.out == "key=***!\nhunt");
  CHECK(kept.err == "also *** ***\n");
  CHECK(kept.end->stdout_bytes == kept.out.size());
}

TEST_CASE("no secret survives in large output", "[launcher]") {
  kept_shim s;
  const std::string secret = "s3cr3t-t0k3n-of-some-length";
  std::string text, expected;
  for (size_t i = 0; i < 20000; ++i) {
    const auto filler = std::string(i % 97, 's') + "\n";
    text += filler + secret;
    expected += filler + "***";
  }
  write_file(s.dir.path() + "/text", text);
  auto job = shell(s.dir, "cat text");
  job.secrets = {"other", secret};
  const auto kept = s.run(job);
  CHECK((kept.out == expected));
}

TEST_CASE("masking does not depend on how the bytes arrive", "[mask]") {
  const std::vector<std::string> secrets = {"abcd", "cdef", "aab", "abcdefgh"};
  const std::string text = "xabcdefx abcd aaab cdcdef abcdefgh abcdefg aabcdef";
  const std::string expected = "x***x *** a*** cd*** *** ***g ***";
  for (size_t step = 1; step <= text.size(); ++step) {
    launcher::masker mask{secrets};
    std::string out;
    for (size_t at = 0; at < text.size(); at += step)
      mask.feed(std::string_view{text}.substr(at, step), out);
    mask.finish(out);
    CHECK(out == expected);
  }
}

TEST_CASE("a masker holds back no more than it must", "[mask]") {
  launcher::masker mask{{"aa"}};
  std::string out;
  for (int i = 0; i < 100; ++i)
    mask.feed("aaaa", out);
  CHECK(out == "***");
  mask.feed("b", out);
  CHECK(out == "***b");
}
