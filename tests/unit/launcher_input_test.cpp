// The standard input of a job, and how its specification travels.

#include "support/catch.hpp"
#include "support/launched.hpp"

#include <sys/stat.h>

using namespace ocw;
using namespace ocw::launcher::test;
using wire::stdin_mode;

namespace {

wire::output_notice notice_of(const std::optional<launcher::frame>& frame) {
  wire::output_notice notice;
  REQUIRE(frame);
  REQUIRE(frame->type == wire::frame_type::output);
  REQUIRE(frame->payload.size() == sizeof(notice));
  std::memcpy(&notice, frame->payload.data(), sizeof(notice));
  return notice;
}

} // namespace

TEST_CASE("without input a job reads the end at once", "[launcher]") {
  one_shim s;
  const auto job = shell(s.dir, "readlink /proc/$$/fd/0; wc -c");
  CHECK(s.shim.run(job).end);
  CHECK(read_spool(job.spool_prefix).out == "/dev/null\n0\n");
}

TEST_CASE("a file can be the input of a job", "[launcher]") {
  one_shim s;
  std::ofstream(s.dir.path() + "/in") << "from a file\n";
  unique_fd in{::open((s.dir.path() + "/in").c_str(), O_RDONLY | O_CLOEXEC)};
  auto job = shell(s.dir, "cat");
  job.spec.input = stdin_mode::file;
  CHECK(s.shim.run(job, in.get()).end);
  CHECK(read_spool(job.spool_prefix).out == "from a file\n");
}

TEST_CASE("a descriptor nobody asked for does not stay", "[launcher]") {
  one_shim s;
  CHECK(s.shim.run(shell(s.dir, "true")).end);
  const auto before = open_fds(s.shim.pid());
  const auto job = shell(s.dir, "readlink /proc/$$/fd/0");
  CHECK(s.shim.run(job, s.node.control()).end);
  CHECK(read_spool(job.spool_prefix).out == "/dev/null\n");
  CHECK(open_fds(s.shim.pid()) == before);
}

TEST_CASE("input larger than any buffer arrives whole and in order",
          "[launcher]") {
  one_shim s;
  auto job = shell(s.dir, "until [ -e go ]; do sleep 0.01; done; cat");
  job.spec.input = stdin_mode::pipe;
  s.shim.start(job);
  std::string sent;
  std::string piece(1 << 20, '\0');
  // 20 MiB fit into the window, the frame on top and the socket.
  for (int i = 0; i < 16; ++i) {
    for (size_t at = 0; at < piece.size(); ++at)
      piece[at] = static_cast<char>((at * 31 + static_cast<size_t>(i)) >> 3);
    REQUIRE(s.shim.send(wire::frame_type::write_stdin, piece));
    sent += piece;
  }
  std::ofstream(s.dir.path() + "/go");
  for (int i = 0; i < 24; ++i) { // now the job reads, and this may wait for it
    REQUIRE(s.shim.send(wire::frame_type::write_stdin, piece));
    sent += piece;
  }
  CHECK(s.shim.send(wire::frame_type::close_stdin));
  CHECK(s.shim.wait().end->wait_status == 0);
  CHECK((read_spool(job.spool_prefix).out == sent));
}

TEST_CASE("a shim reads no more from the node than the job takes",
          "[launcher]") {
  one_shim s;
  auto job = shell(s.dir, "echo up; sleep 60");
  job.spec.input = stdin_mode::pipe;
  s.shim.start(job);
  REQUIRE(s.shim.receive());
  // Sends until the socket has been full for a while.
  const std::string piece(256 << 10, 'x');
  const wire::frame_header header{static_cast<uint32_t>(piece.size()),
                                  wire::frame_type::write_stdin};
  const auto frame = std::string{launcher::bytes_of(header)} + piece;
  size_t sent = 0;
  pollfd room{s.shim.socket(), POLLOUT, 0};
  while (sent < (64u << 20) && ::poll(&room, 1, 500) == 1) {
    const auto at = sent % frame.size();
    const auto n = ::send(s.shim.socket(), frame.data() + at, frame.size() - at,
                          MSG_DONTWAIT | MSG_NOSIGNAL);
    sent += n > 0 ? static_cast<size_t>(n) : 0;
  }
  CHECK(sent > (16u << 20));
  CHECK(sent < (20u << 20));
  s.shim.close();
  CHECK(eventually([&] { return ::kill(s.shim.pid(), 0) != 0; }));
  CHECK(read_spool(job.spool_prefix).end->cause == wire::stop_cause::node_lost);
  CHECK(alive(job) == 0);
}

TEST_CASE("a shim says how much of its input has reached the job",
          "[launcher]") {
  one_shim s;
  auto job = shell(s.dir, "head -c 100000 >/dev/null; exec <&-; "
                          "until [ -e go ]; do sleep 0.01; done");
  job.spec.input = stdin_mode::pipe;
  s.shim.start(job);
  const auto heard = [&](uint64_t bytes) {
    auto seen = wire::output_notice{};
    while (seen.input < bytes)
      seen = notice_of(s.shim.receive());
    return seen.input;
  };
  CHECK(s.shim.send(wire::frame_type::write_stdin, std::string(1000, 'x')));
  CHECK(heard(1000) == 1000);
  CHECK(s.shim.send(wire::frame_type::write_stdin, std::string(500'000, 'x')));
  // What the job does not take any more is dropped, which is an end as well.
  CHECK(heard(501'000) == 501'000);
  CHECK(s.shim.send(wire::frame_type::write_stdin, "late"));
  CHECK(heard(501'004) == 501'004);
  std::ofstream(s.dir.path() + "/go");
  CHECK(s.shim.wait().end->wait_status == 0);
}

TEST_CASE("input nobody reads is dropped", "[launcher]") {
  one_shim s;
  auto job = shell(s.dir, "exec <&-; echo up; read x < fifo; exit 2");
  REQUIRE(::mkfifo((s.dir.path() + "/fifo").c_str(), 0600) == 0);
  job.spec.input = stdin_mode::pipe;
  s.shim.start(job);
  REQUIRE(s.shim.receive());
  for (int i = 0; i < 40; ++i)
    REQUIRE(
      s.shim.send(wire::frame_type::write_stdin, std::string(1 << 20, 'x')));
  std::ofstream(s.dir.path() + "/fifo") << "go\n";
  CHECK(s.shim.wait().end->wait_status == 2);
}

TEST_CASE("an untouched input is closed after a while", "[launcher]") {
  one_shim s;
  auto job = shell(s.dir, "wc -c");
  job.spec.input = stdin_mode::pipe;
  job.spec.stdin_wait_ms = 50;
  SECTION("when nothing comes") {
    CHECK(s.shim.run(job).end);
    CHECK(read_spool(job.spool_prefix).out == "0\n");
  }
  SECTION("but not when something came") {
    job.argv[2] = "read a; echo $a; sleep 0.15; read b; echo $b";
    s.shim.start(job);
    CHECK(s.shim.send(wire::frame_type::write_stdin, "one\n"));
    auto seen = wire::output_notice{};
    while (seen.cells == 0 || seen.input == 0)
      seen = notice_of(s.shim.receive());
    CHECK_FALSE(s.shim.receive(120));
    CHECK(s.shim.send(wire::frame_type::write_stdin, "two\n"));
    CHECK(s.shim.wait().end);
    CHECK(read_spool(job.spool_prefix).out == "one\ntwo\n");
  }
}

TEST_CASE("a specification survives the wire", "[spec]") {
  temp_dir dir;
  auto job = shell(dir, "true");
  job.spec.wall_ms = 12;
  job.secrets = {std::string("\0x", 2), ""};
  launcher::job_request copy;
  CHECK(launcher::decode(launcher::encode(job), copy) == "");
  CHECK(copy.spec.wall_ms == 12);
  CHECK(copy.spec.argv_count == 3);
  CHECK(copy.spool_prefix == job.spool_prefix);
  CHECK(copy.session_dir == job.session_dir);
  CHECK(copy.work_dir == job.work_dir);
  CHECK(copy.exec_path == job.exec_path);
  CHECK(copy.argv == job.argv);
  CHECK(copy.env == job.env);
  CHECK(copy.secrets == job.secrets);
}

TEST_CASE("a specification that lies is refused", "[spec]") {
  temp_dir dir;
  auto job = shell(dir, "true");
  launcher::job_request copy;
  SECTION("a relative program") {
    job.exec_path = "bin/sh";
  }
  SECTION("a relative directory") {
    job.work_dir = "work";
  }
  SECTION("a relative session") {
    job.session_dir = "session";
  }
  SECTION("a relative workspace") {
    job.workspace = "workspace";
  }
  SECTION("no spool") {
    job.spool_prefix = "";
  }
  SECTION("no argv") {
    job.argv.clear();
  }
  SECTION("a zero byte") {
    job.argv[1] += '\0';
  }
  SECTION("an environment entry without a name") {
    job.env[0] = "=x";
  }
  SECTION("a chunk too small") {
    job.spec.chunk_bytes = 3;
  }
  SECTION("an unknown input") {
    job.spec.input = stdin_mode{9};
  }
  CHECK(launcher::decode(launcher::encode(job), copy) != "");
}

TEST_CASE("a count or length beyond the frame is never believed", "[spec]") {
  temp_dir dir;
  const auto good = launcher::encode(shell(dir, "true"));
  launcher::job_request copy;
  const auto with = [&](size_t at, uint32_t value) {
    auto bytes = good;
    std::memcpy(bytes.data() + at, &value, sizeof(value));
    return bytes;
  };
  for (const auto value : {0xffffffffu, 0x7fffffffu, 0x00ffffffu}) {
    CHECK(
      launcher::decode(with(offsetof(wire::job_spec, argv_count), value), copy)
      != "");
    CHECK(launcher::decode(with(offsetof(wire::job_spec, secret_count), value),
                           copy)
          != "");
    CHECK(launcher::decode(with(sizeof(wire::job_spec), value), copy) != "");
  }
}

TEST_CASE("the checksum is CRC-32C", "[wire]") {
  CHECK(wire::crc32c("123456789", 9) == 0xe3069283);
  CHECK(wire::crc32c(std::string(32, '\0').data(), 32) == 0x8a9136aa);
}
