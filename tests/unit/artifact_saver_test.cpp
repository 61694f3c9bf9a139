#include "app/artifact_saver.hpp"
#include "ocw/errors.hpp"

#include "support/catch.hpp"
#include "support/scripted_server.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace ocw;
using test::scripted_server;
namespace fs = std::filesystem;

namespace {

using peer = scripted_server::peer;

constexpr auto sha256_of_abc
  = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

class scratch {
public:
  scratch() {
    auto name = (fs::temp_directory_path() / "ocw-save-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~scratch() { fs::remove_all(path); }
  fs::path path;
};

std::string text_of(const fs::path& path) {
  auto file = std::ifstream{path};
  auto text = std::ostringstream{};
  text << file.rdbuf();
  return text.str();
}

artifact_info abc(std::string path) {
  return {std::move(path), 3, sha256_of_abc};
}

/// Saves from a node that answers every request with the same bytes.
caf::error save(const artifact_info& which, const fs::path& directory,
                std::string body = "abc") {
  auto server = scripted_server{{[&](peer& client) {
    if (client.receive())
      client.answer("200 OK", body);
  }}};
  auto node = http_client{*parse_url(server.url()), {}};
  return save_artifacts(node, "j", {which}, directory.string());
}

size_t files_below(const fs::path& directory) {
  auto count = size_t{0};
  for (const auto& entry : fs::recursive_directory_iterator(directory))
    count += entry.is_regular_file() ? 1 : 0;
  return count;
}

} // namespace

TEST_CASE("an artifact is saved with the directories that lead to it") {
  const auto dir = scratch{};
  CHECK_FALSE(save(abc("a/b c/d.txt"), dir.path / "new"));
  CHECK(text_of(dir.path / "new/a/b c/d.txt") == "abc");
  CHECK(files_below(dir.path) == 1);
}

TEST_CASE("an artifact that is there already is replaced") {
  const auto dir = scratch{};
  std::ofstream{dir.path / "x"} << "old and longer";
  CHECK_FALSE(save(abc("x"), dir.path));
  CHECK(text_of(dir.path / "x") == "abc");
}

TEST_CASE("a path that leads out of the directory is refused") {
  const auto dir = scratch{};
  fs::create_directory(dir.path / "in");
  for (const auto* path : {"../x", "/x", "a/../../x", "", "a//b", "."})
    CHECK(code_of(save(abc(path), dir.path / "in")) == ec::forbidden);
  CHECK(files_below(dir.path) == 0);
}

TEST_CASE("a link in the way is not followed") {
  const auto dir = scratch{};
  fs::create_directories(dir.path / "in");
  fs::create_directories(dir.path / "outside");
  std::ofstream{dir.path / "outside/target"} << "precious";
  fs::create_directory_symlink("../outside", dir.path / "in/d");
  fs::create_symlink("../outside/target", dir.path / "in/f");
  CHECK(save(abc("d/x"), dir.path / "in"));
  CHECK_FALSE(fs::exists(dir.path / "outside/x"));
  // The link itself is replaced by the file.
  CHECK_FALSE(save(abc("f"), dir.path / "in"));
  CHECK(text_of(dir.path / "in/f") == "abc");
  CHECK(text_of(dir.path / "outside/target") == "precious");
}

TEST_CASE("bytes that differ from what the node listed are not kept") {
  const auto dir = scratch{};
  CHECK(code_of(save(abc("x"), dir.path, "abd")) == ec::internal);
  CHECK(code_of(save(abc("x"), dir.path, "abcd")) == ec::internal);
  CHECK(files_below(dir.path) == 0);
}
