// Frames that lie, nodes that vanish, disks that are full.

#include "launcher/spool_writer.hpp"
#include "support/catch.hpp"
#include "support/launched.hpp"

#include <sys/mount.h>

using namespace ocw;
using namespace ocw::launcher::test;

namespace {

bool works(launched& node, const temp_dir& dir) {
  auto shim = node.fork_shim();
  const auto end = shim.run(shell(dir, "exit 9")).end;
  return end && end->wait_status == 9;
}

bool gone(pid_t pid) {
  return eventually([&] { return ::kill(pid, 0) != 0; });
}

void send_raw(int socket, std::string_view bytes) {
  CHECK(::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL)
        == static_cast<ssize_t>(bytes.size()));
}

// A file system of its own, where this user may mount one.
class small_disk {
public:
  small_disk(const temp_dir& dir, const std::string& size)
    : path_(dir.path() + "/small") {
    std::filesystem::create_directory(path_);
    mounted_ = mount(0, size);
  }
  ~small_disk() {
    if (mounted_)
      ::umount2(path_.c_str(), MNT_DETACH);
  }
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;

  bool mounted() const { return mounted_; }
  const std::string& path() const { return path_; }
  bool grow(const std::string& size) { return mount(MS_REMOUNT, size); }
  bool unmount() {
    mounted_ = ::umount(path_.c_str()) != 0;
    return !mounted_;
  }

private:
  bool mount(unsigned long flags, const std::string& size) {
    const auto options = "size=" + size;
    return ::mount("none", path_.c_str(), "tmpfs", flags, options.c_str()) == 0;
  }

  std::string path_;
  bool mounted_ = false;
};

} // namespace

TEST_CASE("a start_job that makes no sense fails alone", "[launcher]") {
  temp_dir dir;
  launched node;
  auto shim = node.fork_shim();
  const auto payload = launcher::encode(shell(dir, "true"));
  std::vector<std::string> broken = {"", "x", payload + "x"};
  for (size_t length = 0; length < payload.size(); length += 7)
    broken.push_back(payload.substr(0, length));
  for (const auto& bytes : broken) {
    CHECK(shim.send(wire::frame_type::start_job, bytes));
    const auto result = shim.wait();
    REQUIRE(result.failure);
    CHECK(result.failure->stage == wire::start_stage::decode);
  }
  CHECK(shim.run(shell(dir, "exit 2")).end->wait_status == 2);
}

TEST_CASE("an oversize frame ends one shim and no other", "[launcher]") {
  temp_dir dir;
  launched node;
  auto idle = node.fork_shim();
  auto busy = node.fork_shim();
  const auto job = shell(dir, "exec sleep 60");
  busy.start(job);
  CHECK(eventually([&] { return alive(job) == 1; }));
  const wire::frame_header lie{wire::max_frame_bytes + 1,
                               wire::frame_type::write_stdin};
  send_raw(idle.socket(), launcher::bytes_of(lie));
  send_raw(busy.socket(), launcher::bytes_of(lie));
  CHECK(gone(idle.pid()));
  CHECK(gone(busy.pid()));
  CHECK(alive(job) == 0);
  const auto kept = read_spool(job.spool_prefix);
  REQUIRE(kept.end);
  CHECK(kept.end->cause == wire::stop_cause::node_lost);
  CHECK(works(node, dir));
}

TEST_CASE("a frame of unknown type ends the shim it was for", "[launcher]") {
  temp_dir dir;
  launched node;
  auto shim = node.fork_shim();
  CHECK(shim.send(static_cast<wire::frame_type>(99), "what"));
  CHECK(gone(shim.pid()));
  CHECK(works(node, dir));
}

TEST_CASE("a control frame that makes no sense ends the launcher, not the jobs",
          "[launcher]") {
  temp_dir dir;
  launched node;
  auto shim = node.fork_shim();
  auto job = shell(dir, "read x; exit 6");
  job.spec.input = wire::stdin_mode::pipe;
  shim.start(job);
  launcher::send_frame(node.control(), wire::frame_type::start_job, "?",
                       launcher::waiting::yes);
  const auto status = node.end();
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 1);
  CHECK(shim.send(wire::frame_type::close_stdin));
  CHECK(shim.wait().end->wait_status == 6);
}

TEST_CASE("a job whose node is gone is stopped and recorded", "[launcher]") {
  temp_dir dir;
  launched node;
  auto shim = node.fork_shim();
  auto job = shell(dir, "trap '' TERM; echo before; sleep 60 & "
                        "while :; do wait; done");
  job.spec.kill_grace_ms = 100;
  shim.start(job);
  CHECK(shim.receive()); // the notice about `before`
  shim.close();
  CHECK(gone(shim.pid()));
  CHECK(alive(job) == 0);
  const auto kept = read_spool(job.spool_prefix);
  CHECK(kept.wrong == "");
  CHECK(kept.out == "before\n");
  REQUIRE(kept.end);
  CHECK(kept.end->cause == wire::stop_cause::node_lost);
  CHECK(kept.end->wait_status == SIGKILL);
  CHECK(kept.end->survivors == 0);
}

TEST_CASE("a node that does not read slows no job down", "[launcher]") {
  temp_dir dir;
  launched node;
  auto shim = node.fork_shim();
  // Far more notices than a socket holds; the last must come all the same.
  auto job = shell(dir, "i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); "
                        "done; touch done; sleep 600");
  job.spec.chunk_bytes = 4;
  shim.start(job);
  CHECK(
    eventually([&] { return std::filesystem::exists(dir.path() + "/done"); }));
  uint64_t written = 0;
  CHECK(eventually([&] {
    written = read_spool(job.spool_prefix).cells.size();
    return slurp(job.spool_prefix + ".stdout").ends_with("19999\n");
  }));
  uint64_t noticed = 0;
  while (auto next = shim.receive(1000)) {
    wire::output_notice notice;
    std::memcpy(&notice, next->payload.data(), sizeof(notice));
    CHECK(notice.cells >= noticed);
    noticed = notice.cells;
    if (noticed == read_spool(job.spool_prefix).cells.size())
      break;
  }
  CHECK(noticed >= written);
  CHECK(noticed == read_spool(job.spool_prefix).cells.size());
  shim.stop();
  CHECK(shim.wait().end->cause == wire::stop_cause::cancelled);
}

TEST_CASE("an index that finds no room has whole cells only", "[spool]") {
  temp_dir dir;
  small_disk disk{dir, "64k"};
  if (!disk.mounted()) {
    WARN("skipped: no small file system can be mounted here");
    return;
  }
  const auto prefix = disk.path() + "/spool";
  launcher::spool_writer writer;
  REQUIRE(writer.open(prefix, 4) == 0);
  // Three cells at a time do not divide a page, so the last write is torn.
  int error = 0;
  while (error == 0 && writer.cells() < 100'000)
    error = writer.append(wire::stream_id::out, "one two thr.");
  CHECK(error == ENOSPC);
  CHECK(writer.append(wire::stream_id::err, "more") == ENOSPC);
  const auto kept = read_spool(prefix);
  CHECK(kept.wrong == "");
  CHECK(kept.cells.size() == writer.cells());
  CHECK(kept.out.size() == writer.bytes(wire::stream_id::out));
  // Room again: the end is recorded after all.
  REQUIRE(disk.grow("1m"));
  wire::end_record record;
  CHECK(writer.finish(record) == 0);
  const auto ended = read_spool(prefix);
  CHECK(ended.wrong == "");
  CHECK(ended.end);
}

TEST_CASE("a full disk stops the job and keeps the spool whole", "[launcher]") {
  temp_dir dir;
  launched node;
  auto shim = node.fork_shim();
  small_disk disk{dir, "256k"};
  if (!disk.mounted()) {
    WARN("skipped: no small file system can be mounted here");
    return;
  }
  auto job = shell(dir, "head -c 600000 /dev/zero; echo more >&2; sleep 60");
  job.spool_prefix = disk.path() + "/spool";
  const auto end = shim.run(job).end;
  REQUIRE(end);
  CHECK(end->cause == wire::stop_cause::spool_failed);
  CHECK(end->error == ENOSPC);
  CHECK(end->stdout_truncated == 1);
  CHECK(end->survivors == 0);
  const auto kept = read_spool(job.spool_prefix);
  CHECK(kept.wrong == "");
  CHECK(kept.out.size() == end->stdout_bytes);
  CHECK(kept.out.size() > 100000);
  CHECK(alive(job) == 0);
  CHECK(disk.unmount()); // the shim holds none of its files open
  CHECK(shim.run(shell(dir, "exit 8")).end->wait_status == 8);
}
