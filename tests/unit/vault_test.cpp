#include "store/vault.hpp"

#include "ocw/errors.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <sys/stat.h>

namespace {

using namespace ocw;
namespace fs = std::filesystem;

struct one_directory {
  test::temp_dir dir;
  std::string key_file = dir / "key";

  std::unique_ptr<const vault> open() {
    auto result = open_vault(dir.path());
    REQUIRE(result);
    return std::move(*result);
  }

  std::string why_refused() {
    const auto result = open_vault(dir.path());
    REQUIRE_FALSE(result);
    CHECK(code_of(result.error()) == ec::unavailable);
    return sentence_of(result.error());
  }
};

} // namespace

TEST_CASE_METHOD(one_directory, "what was sealed opens again, also later",
                 "[vault]") {
  const auto sealed = open()->seal("pass word", "job-1");
  REQUIRE(sealed);
  CHECK(sealed->find("pass") == std::string::npos);
  const auto opened = open()->open(*sealed, "job-1");
  REQUIRE(opened);
  CHECK(*opened == "pass word");
  const auto empty = open()->seal("", "");
  REQUIRE(empty);
  CHECK(*open()->open(*empty, "") == "");
}

TEST_CASE_METHOD(one_directory, "sealing the same twice looks different",
                 "[vault]") {
  const auto keys = open();
  CHECK(*keys->seal("x", "job") != *keys->seal("x", "job"));
}

TEST_CASE_METHOD(one_directory, "sealed data opens for its own job only",
                 "[vault]") {
  const auto keys = open();
  const auto sealed = *keys->seal("x", "job-1");
  CHECK(code_of(keys->open(sealed, "job-2").error()) == ec::internal);
}

TEST_CASE_METHOD(one_directory, "no bit of sealed data can be changed",
                 "[vault]") {
  const auto keys = open();
  const auto sealed = *keys->seal("secret", "job");
  for (auto i = size_t{0}; i < sealed.size(); ++i) {
    auto changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    CHECK_FALSE(keys->open(changed, "job"));
  }
  for (auto size = size_t{0}; size < sealed.size(); ++size)
    CHECK_FALSE(keys->open(std::string_view{sealed}.substr(0, size), "job"));
}

TEST_CASE("another node's vault does not open it", "[vault]") {
  auto here = one_directory{};
  auto there = one_directory{};
  const auto sealed = *here.open()->seal("x", "job");
  CHECK_FALSE(there.open()->open(sealed, "job"));
  CHECK(here.open()->digest("x") != there.open()->digest("x"));
}

TEST_CASE_METHOD(one_directory, "a digest depends on the text alone",
                 "[vault]") {
  const auto digest = open()->digest("x");
  CHECK(digest.size() == vault::digest_bytes);
  CHECK(open()->digest("x") == digest);
  CHECK(open()->digest("y") != digest);
}

TEST_CASE_METHOD(one_directory, "the key is its owner's alone", "[vault]") {
  const auto keys = open();
  struct stat what {};
  REQUIRE(::stat(key_file.c_str(), &what) == 0);
  CHECK((what.st_mode & 0777) == 0600);
  CHECK(what.st_size == 32);
  CHECK(std::distance(fs::directory_iterator{dir.path()}, {}) == 1);
}

TEST_CASE_METHOD(one_directory, "a key that others can read is refused",
                 "[vault]") {
  static_cast<void>(open());
  REQUIRE(::chmod(key_file.c_str(), 0640) == 0);
  CHECK(why_refused().find("others than its owner") != std::string::npos);
}

TEST_CASE_METHOD(one_directory, "a link in the key's place is refused",
                 "[vault]") {
  static_cast<void>(open());
  fs::rename(key_file, dir / "elsewhere");
  fs::create_symlink(dir / "elsewhere", key_file);
  CHECK(why_refused().find("symbolic link") != std::string::npos);
}

TEST_CASE_METHOD(one_directory, "a key that was cut off is refused",
                 "[vault]") {
  static_cast<void>(open());
  fs::resize_file(key_file, 31);
  CHECK(why_refused().find("32 bytes") != std::string::npos);
}

TEST_CASE_METHOD(one_directory, "an interrupted start does not stop the next",
                 "[vault]") {
  std::ofstream{key_file + ".new"} << "half";
  CHECK(open()->seal("x", ""));
  CHECK_FALSE(fs::exists(key_file + ".new"));
}

TEST_CASE("a directory that is not there is an error that names it",
          "[vault]") {
  const auto result = open_vault("/nonexistent/store");
  REQUIRE_FALSE(result);
  CHECK(sentence_of(result.error()).find("/nonexistent/store/key")
        != std::string::npos);
}
