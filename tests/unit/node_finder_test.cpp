#include "app/node_finder.hpp"
#include "ocw/errors.hpp"

#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <sys/stat.h>

#include <filesystem>

using namespace ocw;
using Catch::Matchers::Contains;
using test::temp_dir;
using test::write_file;

namespace {

/// A user with a token in the state directory, and a settings file that says
/// where the node is.
struct user {
  temp_dir dir;
  cli_values values;
  config_sources sources;

  explicit user(const std::string& api) {
    const auto state = dir / "state";
    std::filesystem::create_directory(state);
    ::chmod(state.c_str(), 0700);
    write_file(state + "/token", "the-token-of-this-machine-0123456789\n");
    ::chmod((state + "/token").c_str(), 0600);
    sources.environment = {{"HOME", dir.path()}, {"PATH", "/bin"}};
    sources.command_line = {{"state_dir", state}};
    write_file(file(),
               R"({"api":)" + api + R"(,"tls":{"terminated_upstream":true}})");
  }
  std::string file() const { return dir / "opencode-worker.json"; }

  /// The file lies in the directory the program was started in.
  void found_here() {
    sources.places = {std::filesystem::relative(file()).string()};
  }
  /// It is where only this user or an administrator can put it.
  void found_elsewhere() { sources.places = {file()}; }

  caf::expected<node_choice> choose() const {
    const auto settings = load_config(sources);
    REQUIRE(settings);
    return choose_node(values, sources, *settings);
  }
};

constexpr auto elsewhere = R"({"host":"node.example.net","port":3000})";

} // namespace

TEST_CASE("a settings file that lies here sends nothing to another machine",
          "[node_finder]") {
  auto who = user{elsewhere};
  who.found_here();
  const auto refused = who.choose();
  REQUIRE_FALSE(refused);
  CHECK(code_of(refused.error()) == ec::forbidden);
  const auto sentence = sentence_of(refused.error());
  CHECK_THAT(sentence, Contains("node.example.net"));
  CHECK_THAT(sentence, Contains("--url"));
  CHECK_THAT(sentence, Contains("--config"));
}

TEST_CASE("nor does one that names a state directory with another machine's "
          "address",
          "[node_finder]") {
  auto who = user{R"({"port":0})"};
  const auto trap = who.dir / "trap";
  std::filesystem::create_directory(trap);
  write_file(trap + "/node.json", R"({"api_url":"http://node.example.net:1"})");
  write_file(who.file(), R"({"state_dir":")" + trap + R"(","api":{"port":0}})");
  who.sources.command_line.clear();
  who.sources.environment["OPENCODE_WORKER_TOKEN"]
    = "a-token-of-somebody-0123456789abcdef";
  who.found_here();
  const auto refused = who.choose();
  REQUIRE_FALSE(refused);
  CHECK(code_of(refused.error()) == ec::forbidden);
}

TEST_CASE("a node the user has named gets the token", "[node_finder]") {
  auto who = user{elsewhere};
  SECTION("by a file given on the command line") {
    who.sources.file = std::filesystem::relative(who.file()).string();
  }
  SECTION("by a file in a place of the user's") {
    who.found_elsewhere();
  }
  SECTION("by a flag") {
    who.found_here();
    who.sources.command_line.emplace_back("api.host", "node.example.net");
  }
  SECTION("by the environment") {
    who.found_here();
    who.sources.environment["OPENCODE_WORKER_API_HOST"] = "node.example.net";
  }
  const auto choice = who.choose();
  REQUIRE(choice);
  CHECK(choice->where.host == "node.example.net");
  CHECK(choice->how.token == "the-token-of-this-machine-0123456789");
}

TEST_CASE("a file that lies here may name a node on this machine",
          "[node_finder]") {
  auto who = user{R"({"host":"127.0.0.1","port":4000})"};
  who.found_here();
  const auto choice = who.choose();
  REQUIRE(choice);
  CHECK(choice->where.port == 4000);
  CHECK_FALSE(choice->how.token.empty());
}

TEST_CASE("a URL that agrees with a file that lies here gets no token of the "
          "state directory",
          "[node_finder]") {
  auto who = user{elsewhere};
  who.found_here();
  who.values.url = "http://node.example.net:3000";
  const auto choice = who.choose();
  REQUIRE(choice);
  CHECK(choice->how.token.empty());
}
