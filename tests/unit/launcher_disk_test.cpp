// Limits on what a job writes: frames with a disk, and looking at directories.

#include "launcher/session_disk.hpp"

#include "support/catch.hpp"
#include "support/launched.hpp"

#include <sys/mount.h>
#include <sys/stat.h>

#include <array>

using namespace ocw;
using namespace ocw::launcher::test;
using launcher::disk_look;
using launcher::frame;
using launcher::read_result;
using launcher::waiting;

namespace {

constexpr auto mib = uint64_t{1} << 20;

/// Two ends of a stream socket.
struct socket_pair {
  unique_fd left, right;

  socket_pair() {
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
      throw std::runtime_error("socketpair failed");
    left.reset(fds[0]);
    right.reset(fds[1]);
  }

  /// The next frame that comes out on the right.
  frame next() const {
    frame result;
    launcher::frame_reader reader{right.get()};
    REQUIRE(reader.read(result, waiting::yes) == read_result::complete);
    return result;
  }

  void send(std::initializer_list<int> fds) const {
    REQUIRE(launcher::send_frame(left.get(), wire::frame_type::start_job, "x",
                                 waiting::yes, fds)
            == launcher::send_result::sent);
  }
};

ino_t file_of(const unique_fd& fd) {
  struct stat what {};
  REQUIRE(::fstat(fd.get(), &what) == 0);
  return what.st_ino;
}

/// A file with a name, open.
unique_fd made(const std::string& path, size_t size = 0) {
  unique_fd file{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  const auto bytes = std::string(size, 'x');
  REQUIRE(::write(file.get(), bytes.data(), size)
          == static_cast<ssize_t>(size));
  return file;
}

launcher::disk_use all_below(const std::string& path) {
  disk_look look{path};
  while (!look.go_on(1))
    continue;
  return look.seen();
}

} // namespace

// -- frames with descriptors --------------------------------------------------

TEST_CASE("two descriptors come with a frame, in their order", "[launcher]") {
  temp_dir dir;
  const socket_pair pair;
  const auto one = made(dir.path() + "/one");
  const auto two = made(dir.path() + "/two");
  pair.send({one.get(), two.get()});
  pair.send({-1, two.get()});
  pair.send({});
  const auto both = pair.next();
  CHECK(file_of(both.fds[0]) == file_of(one));
  CHECK(file_of(both.fds[1]) == file_of(two));
  const auto only = pair.next();
  CHECK(file_of(only.fds[0]) == file_of(two));
  CHECK_FALSE(only.fds[1]);
  CHECK_FALSE(pair.next().fds[0]);
}

TEST_CASE("a third descriptor is closed, and the frame still whole",
          "[launcher]") {
  const socket_pair pair;
  const auto before = open_fds(::getpid());
  {
    // As send_frame would not send it.
    const wire::frame_header header{1, wire::frame_type::start_job};
    auto bytes = std::string{launcher::bytes_of(header)} + "x";
    iovec part{bytes.data(), bytes.size()};
    const std::array fds{0, 1, 2, 2};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(fds))] = {};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    auto* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(fds));
    std::memcpy(CMSG_DATA(rights), fds.data(), sizeof(fds));
    REQUIRE(::sendmsg(pair.left.get(), &message, 0)
            == static_cast<ssize_t>(bytes.size()));
  }
  {
    const auto came = pair.next();
    CHECK(came.payload == "x");
    CHECK(came.fds[1]);
    CHECK(open_fds(::getpid()) == *before + 2);
  }
  CHECK(open_fds(::getpid()) == before);
}

TEST_CASE("a job with a disk that did not come is refused", "[launcher]") {
  temp_dir dir;
  launched node;
  auto shim = node.fork_shim();
  auto job = shell(dir, "true");
  job.spec.mechanisms = wire::disk_tmpfs | wire::mount;
  SECTION("no descriptor") {
    CHECK(shim.run(job).failure_text
          == "no descriptor came for the session's disk");
  }
  SECTION("the one that came is the standard input") {
    job.spec.input = wire::stdin_mode::file;
    CHECK(shim.run(job, 0).failure_text
          == "no descriptor came for the session's disk");
  }
  SECTION("there would be nowhere to attach it") {
    job.spec.mechanisms = wire::disk_tmpfs;
    CHECK(shim.run(job, 0).failure_text
          == "a disk of its own without a root of its own");
  }
  CHECK(shim.run(shell(dir, "exit 4")).end->wait_status == 4);
}

TEST_CASE("a launcher without the mechanism makes no disk", "[launcher]") {
  launched node;
  const auto ask = [&](std::string_view payload) {
    launcher::send_frame(node.control(), wire::frame_type::make_disk, payload,
                         waiting::yes);
    frame reply;
    launcher::frame_reader reader{node.control()};
    return reader.read(reply, waiting::yes) == read_result::complete
             ? std::optional<frame>{std::move(reply)}
             : std::nullopt;
  };
  const wire::disk_request wanted{mib, 100};
  const auto reply = ask(launcher::bytes_of(wanted));
  REQUIRE(reply);
  wire::disk_made_reply said;
  REQUIRE(reply->payload.size() == sizeof(said));
  std::memcpy(&said, reply->payload.data(), sizeof(said));
  CHECK(reply->type == wire::frame_type::disk_made);
  CHECK(said.error == EOPNOTSUPP);
  CHECK_FALSE(reply->fds[0]);
  // One that makes no sense is the end, as any other frame.
  CHECK_FALSE(ask("short"));
}

TEST_CASE("a disk is full at its size and at its number of files",
          "[launcher]") {
  const auto disk = launcher::make_disk({mib, 20});
  if (!disk) {
    WARN("skipped: no disk can be made here: " << std::strerror(errno));
    return;
  }
  const auto path = "/proc/self/fd/" + std::to_string(disk.get());
  CHECK(launcher::use_of_disk(disk.get()).bytes == 0);
  CHECK_FALSE(launcher::is_full_disk(disk.get()));
  {
    const auto file = made(path + "/a", mib - 4096);
    CHECK_FALSE(launcher::is_full_disk(disk.get()));
    CHECK(::write(file.get(), std::string(8192, 'x').data(), 8192) == 4096);
    CHECK(::write(file.get(), "x", 1) == -1);
    CHECK(errno == ENOSPC);
    CHECK(launcher::use_of_disk(disk.get()).bytes == mib);
    CHECK(launcher::is_full_disk(disk.get()));
  }
  CHECK(::unlink((path + "/a").c_str()) == 0);
  CHECK_FALSE(launcher::is_full_disk(disk.get()));
  auto made_files = 0;
  while (::mkdir((path + "/" + std::to_string(made_files)).c_str(), 0700) == 0)
    ++made_files;
  CHECK(errno == ENOSPC);
  CHECK(made_files == 19); // and the top
  CHECK(launcher::use_of_disk(disk.get()).files == 20);
  CHECK(launcher::is_full_disk(disk.get()));
}

// -- looking ------------------------------------------------------------------

TEST_CASE("a look adds up what is below a directory", "[launcher]") {
  temp_dir dir;
  const auto top = dir.path() + "/top";
  std::filesystem::create_directories(top + "/a/b/c");
  made(dir.path() + "/beside", mib);
  const auto empty = all_below(top);
  CHECK(empty.files == 3);
  made(top + "/a/b/c/deep", mib);
  made(top + "/flat", mib);
  std::filesystem::create_symlink(dir.path(), top + "/out");
  const auto full = all_below(top);
  CHECK(full.files == 6);
  CHECK(full.bytes >= empty.bytes + 2 * mib);
  CHECK(full.bytes < empty.bytes + 2 * mib + mib / 2);
  SECTION("a file with two names counts once") {
    REQUIRE(::link((top + "/flat").c_str(), (top + "/other").c_str()) == 0);
    CHECK(all_below(top).bytes == full.bytes);
  }
  SECTION("gaps in a file are nothing") {
    made(top + "/gap");
    REQUIRE(::truncate((top + "/gap").c_str(), int64_t{1} << 30) == 0);
    CHECK(all_below(top).bytes < full.bytes + mib / 2);
  }
  SECTION("the next look begins anew") {
    disk_look look{top};
    CHECK(look.go_on(1000));
    std::filesystem::remove(top + "/flat");
    CHECK(look.go_on(1000));
    CHECK(look.seen().files == 5);
    CHECK(look.seen().bytes < full.bytes);
  }
}

TEST_CASE("a look stays within its descriptors, however deep a tree is",
          "[launcher]") {
  temp_dir dir;
  const auto before = open_fds(::getpid());
  unique_fd at{::open(dir.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(::mkdirat(at.get(), "d", 0700) == 0);
    at.reset(::openat(at.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  at.reset();
  disk_look look{dir.path()};
  while (!look.go_on(10))
    CHECK(open_fds(::getpid()) <= *before + disk_look::max_depth + 1);
  CHECK(look.seen().files == disk_look::max_depth);
  CHECK(open_fds(::getpid()) == before);
}

TEST_CASE("a job that writes more than its limit is ended", "[launcher]") {
  temp_dir dir;
  launched node;
  auto shim = node.fork_shim();
  auto job = shell(dir, "i=0; while :; do head -c 100000 /dev/zero > f$i; "
                        "i=$((i+1)); done");
  job.session_dir = job.work_dir = dir.path() + "/session";
  REQUIRE(::mkdir(job.session_dir.c_str(), 0700) == 0);
  job.spec.disk_bytes = 2 * mib;
  job.spec.disk_files = 10000;
  SECTION("bytes") {
    const auto end = shim.run(job).end;
    REQUIRE(end);
    CHECK(end->cause == wire::stop_cause::disk_limit);
    CHECK(end->disk_bytes > 2 * mib);
    CHECK(end->disk_files > 20);
  }
  SECTION("files") {
    job.argv[2] = "i=0; while :; do : > f$i; i=$((i+1)); done";
    job.spec.disk_files = 500;
    const auto end = shim.run(job).end;
    REQUIRE(end);
    CHECK(end->cause == wire::stop_cause::disk_limit);
    CHECK(end->disk_files > 500);
  }
  SECTION("faster than it is looked at") {
    job.argv[2] = "head -c 3000000 /dev/zero > f";
    const auto end = shim.run(job).end;
    REQUIRE(end);
    CHECK(end->cause == wire::stop_cause::disk_limit);
    CHECK(end->wait_status == 0);
  }
  SECTION("not at all") {
    job.argv[2] = "head -c 1000000 /dev/zero > f";
    const auto end = shim.run(job).end;
    REQUIRE(end);
    CHECK(end->cause == wire::stop_cause::none);
    CHECK(end->disk_bytes >= 1000000);
    CHECK(end->disk_files == 1);
  }
  CHECK(alive(job) == 0);
}
