// Trees that a job left, and how they go away.

#include "process/artifacts.hpp"
#include "process/safe_files.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace ocw;
using namespace ocw::test;

namespace {

// By descriptors, because the whole path is longer than a path may be.
void make_deep(const std::string& top, int levels) {
  ::mkdir(top.c_str(), 0700);
  auto at = ::open(top.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (int i = 0; i < levels; ++i) {
    ::mkdirat(at, "d", 0700);
    ::mkdirat(at, "deep-1", 0000);
    const auto next = ::openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ::close(at);
    at = next;
  }
  ::close(at);
}

// As few open files as a process may have somewhere.
class few_descriptors {
public:
  few_descriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    auto few = before_;
    few.rlim_cur = 256;
    ::setrlimit(RLIMIT_NOFILE, &few);
  }
  ~few_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  few_descriptors(const few_descriptors&) = delete;
  few_descriptors& operator=(const few_descriptors&) = delete;

private:
  rlimit before_{};
};

} // namespace

TEST_CASE("a tree deeper than there are descriptors is removed",
          "[safe_files]") {
  temp_dir dir;
  const few_descriptors limit;
  make_deep(dir / "deep", 5000);
  CHECK(remove_tree(dir / "deep"));
  CHECK(::access((dir / "deep").c_str(), F_OK) != 0);
}

TEST_CASE("a file whose name is no text is named, not kept", "[safe_files]") {
  temp_dir dir;
  session_layout layout;
  layout.output = dir / "output";
  layout.work = dir / "work";
  ::mkdir(layout.output.c_str(), 0700);
  write_file(layout.output + "/byte\xff", "x");
  write_file(layout.output + "/plain", "x");
  const auto kept = collect_artifacts(layout, {}, dir / "target");
  REQUIRE(kept.files.size() == 1);
  CHECK(kept.files[0].path == "plain");
  CHECK(kept.warning == "'byte\xEF\xBF\xBD' has a name that is not UTF-8");
}
