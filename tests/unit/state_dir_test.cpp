#include "app/state_dir.hpp"
#include "app/token_file.hpp"
#include "ocw/errors.hpp"

#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <sys/stat.h>
#include <unistd.h>

using namespace ocw;
using Catch::Matchers::Contains;
using test::read_file;
using test::temp_dir;
using test::write_file;

namespace {

const auto good_token = std::string(64, 'a');

mode_t mode_of(const std::string& path) {
  struct stat found = {};
  REQUIRE(::lstat(path.c_str(), &found) == 0);
  return found.st_mode & 07777;
}

state_directory opened(const std::string& path) {
  auto result = state_directory::open(path);
  INFO((result ? "" : sentence_of(result.error())));
  REQUIRE(result);
  return std::move(*result);
}

std::string refusal(const std::string& path) {
  const auto result = state_directory::open(path);
  REQUIRE_FALSE(result);
  CHECK(code_of(result.error()) == ec::invalid_request);
  return sentence_of(result.error());
}

void write_private(const std::string& path, const std::string& text) {
  write_file(path, text);
  REQUIRE(::chmod(path.c_str(), 0600) == 0);
}

} // namespace

TEST_CASE("a first start makes the state dir and a token for its owner only") {
  const auto dir = temp_dir{};
  const auto before = ::umask(0);
  const auto state = opened(dir / "a/b/state");
  ::umask(before);
  CHECK(mode_of(state.path()) == 0700);
  CHECK(mode_of(token_path(state.path())) == 0600);
  CHECK(state.token().size() == 64);
  CHECK(state.token().find_first_not_of("0123456789abcdef")
        == std::string::npos);
  CHECK(read_file(token_path(state.path())) == state.token() + "\n");
  CHECK(::access((token_path(state.path()) + ".new").c_str(), F_OK) != 0);
}

TEST_CASE("a token stays the same from start to start and differs elsewhere") {
  const auto dir = temp_dir{};
  const auto first = opened(dir / "a").token();
  CHECK(opened(dir / "a").token() == first);
  CHECK(opened(dir / "b").token() != first);
}

TEST_CASE("what a node left that died while writing its token does no harm") {
  const auto dir = temp_dir{};
  write_file(dir / "token.new", "half");
  CHECK(opened(dir.path()).token().size() == 64);
}

TEST_CASE("two nodes never share a state dir, and the second is told whose it "
          "is") {
  const auto dir = temp_dir{};
  auto first = opened(dir.path());
  const auto second = state_directory::open(dir.path());
  REQUIRE_FALSE(second);
  CHECK(code_of(second.error()) == ec::conflict);
  CHECK_THAT(sentence_of(second.error()),
             Contains("process " + std::to_string(::getpid()))
               && Contains(dir.path()) && Contains("--state_dir"));
  first = {};
  CHECK(state_directory::open(dir.path()));
}

TEST_CASE("a token file that others can read is refused with the cure") {
  const auto dir = temp_dir{};
  write_file(dir / "token", good_token + "\n");
  for (const auto mode : {0640, 0604, 0644, 0620}) {
    REQUIRE(::chmod((dir / "token").c_str(), static_cast<mode_t>(mode)) == 0);
    CHECK_THAT(refusal(dir.path()),
               Contains("chmod 600 '" + (dir / "token") + "'")
                 && !Contains(good_token));
  }
  REQUIRE(::chmod((dir / "token").c_str(), 0600) == 0);
  CHECK(opened(dir.path()).token() == good_token);
}

TEST_CASE("a token file that is a link or no file is refused") {
  const auto dir = temp_dir{};
  write_private(dir / "elsewhere", good_token);
  REQUIRE(::symlink("elsewhere", (dir / "token").c_str()) == 0);
  CHECK_THAT(refusal(dir.path()), Contains("symbolic link"));
  REQUIRE(::unlink((dir / "token").c_str()) == 0);
  REQUIRE(::mkfifo((dir / "token").c_str(), 0600) == 0);
  CHECK_THAT(refusal(dir.path()), Contains("not a regular file"));
}

TEST_CASE("a file that holds no token is refused, without what it holds") {
  const auto dir = temp_dir{};
  for (const auto& text :
       {std::string{}, std::string{"\n"}, std::string{"short"},
        good_token + "\n" + good_token, "two words " + good_token,
        std::string(5000, 'x'), good_token + std::string(1, '\0')}) {
    write_private(dir / "token", text);
    const auto sentence = refusal(dir.path());
    CHECK_THAT(sentence, Contains("does not hold a token"));
    CHECK_THAT(sentence, !Contains(good_token));
  }
}

TEST_CASE("a state dir that others can write to is refused with the cure") {
  const auto dir = temp_dir{};
  for (const auto mode : {0777, 0770, 01777, 0702}) {
    REQUIRE(::chmod(dir.path().c_str(), static_cast<mode_t>(mode)) == 0);
    CHECK_THAT(refusal(dir.path()),
               Contains("chmod go-w '" + dir.path() + "'"));
  }
  REQUIRE(::chmod(dir.path().c_str(), 0755) == 0);
  CHECK(state_directory::open(dir.path()));
}

TEST_CASE("a state dir that cannot be made is refused with its path") {
  const auto dir = temp_dir{};
  write_file(dir / "file", "");
  CHECK_THAT(refusal(dir / "file/state"), Contains(dir / "file/state"));
  CHECK_THAT(refusal(dir / "file"), Contains(dir / "file"));
}

// -- clients ------------------------------------------------------------------

TEST_CASE("a client takes the token file, the variable, then the state dir") {
  const auto dir = temp_dir{};
  const auto state = opened(dir / "state");
  write_file(dir / "given", "from-a-file-1234\r\n");
  auto from = token_sources{dir / "given", "from-environment", state.path()};
  CHECK(*read_token(from) == "from-a-file-1234");
  from.file.clear();
  CHECK(*read_token(from) == "from-environment");
  from.environment.clear();
  CHECK(*read_token(from) == state.token());
}

TEST_CASE("a client without any token is told how to name one") {
  const auto dir = temp_dir{};
  for (const auto& state : {std::string{}, dir.path()}) {
    const auto token = read_token({.state_dir = state});
    REQUIRE_FALSE(token);
    CHECK(code_of(token.error()) == ec::not_found);
    CHECK_THAT(sentence_of(token.error()),
               Contains("--token-file") && Contains("OPENCODE_WORKER_TOKEN"));
  }
}

TEST_CASE("a token file that was named and is missing is an error of its own") {
  const auto dir = temp_dir{};
  write_private(dir / "token", good_token);
  const auto token
    = read_token({.file = dir / "none", .state_dir = dir.path()});
  REQUIRE_FALSE(token);
  CHECK(code_of(token.error()) == ec::invalid_request);
}

TEST_CASE("a variable that holds no token is refused, without what it holds") {
  const auto token = read_token({.environment = "s3cret"});
  REQUIRE_FALSE(token);
  CHECK_THAT(sentence_of(token.error()),
             Contains("OPENCODE_WORKER_TOKEN") && !Contains("s3cret"));
}
