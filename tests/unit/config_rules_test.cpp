#include "app/config_loader.hpp"
#include "app/config_rules.hpp"
#include "ocw/errors.hpp"

#include "support/catch.hpp"
#include "support/loaded.hpp"
#include "support/temp_dir.hpp"

#include <unistd.h>

using namespace ocw;
using Catch::Matchers::Contains;
using test::loaded;
using test::refusal;
using test::temp_dir;
using test::write_file;

namespace {

using pairs = std::vector<std::pair<std::string, std::string>>;

config_sources given(pairs command_line) {
  auto result = config_sources{};
  result.environment = {{"HOME", "/home/of-nobody"}};
  result.command_line = std::move(command_line);
  return result;
}

config values(pairs command_line) {
  return loaded(given(std::move(command_line))).values;
}

std::string refusal_of(pairs command_line) {
  return refusal(given(std::move(command_line)));
}

} // namespace

// -- defaults that depend on the machine --------------------------------------

TEST_CASE("the state dir follows XDG, then the home directory") {
  auto from = given({});
  CHECK(loaded(from).values.state_dir
        == "/home/of-nobody/.local/state/opencode-worker");
  from.environment["XDG_STATE_HOME"] = "/xdg";
  CHECK(loaded(from).values.state_dir == "/xdg/opencode-worker");
  CHECK(loaded(from).values.store.dir == "/xdg/opencode-worker/store");
  from.environment["XDG_STATE_HOME"] = "relative";
  CHECK(loaded(from).values.state_dir
        == "/home/of-nobody/.local/state/opencode-worker");
  from.command_line = {{"state_dir", "/s/../t"}, {"store.dir", "/u"}};
  CHECK(loaded(from).values.state_dir == "/t");
  CHECK(loaded(from).values.store.dir == "/u");
}

TEST_CASE("relative paths are made absolute at once") {
  const auto result = values({{"state_dir", "a/b"}});
  CHECK(result.state_dir.starts_with('/'));
  CHECK(result.state_dir.ends_with("/a/b"));
}

TEST_CASE("whether a directory can be made is known without making it") {
  const auto dir = temp_dir{};
  write_file(dir / "file", "");
  REQUIRE(::symlink("nowhere", (dir / "link").c_str()) == 0);
  CHECK(can_make_directory(dir.path()));
  CHECK(can_make_directory(dir / "a/b/c"));
  CHECK_FALSE(can_make_directory(dir / "file"));
  CHECK_FALSE(can_make_directory(dir / "file/a"));
  CHECK_FALSE(can_make_directory(dir / "link/a"));
  CHECK_FALSE(can_make_directory("/proc/self/none"));
  CHECK(::access((dir / "a").c_str(), F_OK) != 0);
}

TEST_CASE("a base dir that the user names is kept, whether it can be written "
          "or not") {
  CHECK(values({{"session.base_dir", "/proc/none"}}).session.base_dir
        == "/proc/none");
}

TEST_CASE("concurrency 0 is the number of cores, and sessions follow") {
  const auto result = loaded(given(
    {{"worker.concurrency", "0"}, {"session.max_concurrent_sessions", "1"}}));
  CHECK(result.values.worker.concurrency >= 1);
  CHECK(result.values.session.max_concurrent_sessions
        >= result.values.worker.concurrency);
  const auto raised = loaded(given({{"worker.concurrency", "64"}}));
  CHECK(raised.values.session.max_concurrent_sessions == 64);
  CHECK(raised.origins.at("session.max_concurrent_sessions")
        == "default, raised to worker.concurrency");
}

TEST_CASE("the worker is named after the host") {
  CHECK_FALSE(values({}).worker.id.empty());
  CHECK(values({{"worker.id", "w1"}}).worker.id == "w1");
}

TEST_CASE("of two default timeouts the one nearest to the user wins") {
  auto from = given({{"session.default_timeout_ms", "500000"}});
  from.environment["OPENCODE_WORKER_GOVERNANCE_DEFAULT_TIMEOUT_MS"] = "1000";
  auto result = loaded(from);
  CHECK(result.values.session.default_timeout_ms == 500000);
  CHECK(result.values.governance.default_timeout_ms == 500000);
  CHECK_THAT(result.origins.at("governance.default_timeout_ms"),
             Contains("command line"));
  from = given({});
  from.environment["OPENCODE_WORKER_GOVERNANCE_DEFAULT_TIMEOUT_MS"] = "400000";
  CHECK(loaded(from).values.session.default_timeout_ms == 400000);
}

TEST_CASE("of two default timeouts equally near the smaller wins") {
  const auto result = values({{"session.default_timeout_ms", "4000"},
                              {"governance.default_timeout_ms", "5000"}});
  CHECK(result.session.default_timeout_ms == 4000);
  CHECK(result.governance.default_timeout_ms == 4000);
}

// -- contradictions -----------------------------------------------------------

TEST_CASE("a default over its maximum is refused with both names") {
  CHECK_THAT(refusal_of({{"governance.max_cpu", "1"}}),
             Contains("governance.default_cpu is 2 (default)")
               && Contains("governance.max_cpu, which is 1 (command line)"));
  CHECK_THAT(refusal_of({{"governance.default_memory_mb", "9000"}}),
             Contains("governance.max_memory_mb"));
  CHECK_THAT(refusal_of({{"session.default_timeout_ms", "900000"}}),
             Contains("governance.max_timeout_ms"));
}

TEST_CASE("names of directories in a session are plain and differ") {
  for (const auto* name : {"", "a/b", "..", ".hidden", "tmp", "opencode.json"})
    CHECK_THAT(refusal_of({{"session.work_dir_name", name}}),
               Contains("session.work_dir_name"));
  CHECK_THAT(refusal_of({{"session.output_dir_name", "work"}}),
             Contains("must differ"));
}

TEST_CASE("a log file needs a path") {
  CHECK_THAT(refusal_of({{"logging.output", "file"}}),
             Contains("logging.log_file_path"));
}

TEST_CASE("one port cannot serve two doors") {
  CHECK_THAT(refusal_of({{"api.port", "8080"}}), Contains("both 8080"));
  CHECK(values({{"api.port", "0"}, {"websocket.port", "0"}}).api.port == 0);
  CHECK(values({{"api.port", "8080"}, {"websocket.enabled", "false"}}).api.port
        == 8080);
}

TEST_CASE("the origin of pages is one origin") {
  for (const auto* origin :
       {"*", "ci.example.org", "https://", "https://a.org/", "https://*.a.org",
        "https://a.org,https://b.org", "null"})
    CHECK_THAT(refusal_of({{"api.cors_origin", origin}}),
               Contains("api.cors_origin"));
  CHECK(
    values({{"api.cors_origin", "https://ci.example.org:8443"}}).api.cors_origin
    == "https://ci.example.org:8443");
}

// -- safety -------------------------------------------------------------------

TEST_CASE("an address that others can reach is refused without TLS, with "
          "three ways out") {
  for (const auto* host : {"0.0.0.0", "::", "10.0.0.1", "worker.example.org",
                           "localhost.example.org", "128.0.0.1"}) {
    CAPTURE(host);
    const auto text = refusal_of({{"api.host", host}});
    CHECK_THAT(text, Contains("\n  --api.host=127.0.0.1")
                       && Contains("\n  --tls.certificate=")
                       && Contains("\n  --tls.terminated_upstream=true"));
    CHECK(std::count(text.begin(), text.end(), '\n') == 3);
  }
  for (const auto* host : {"127.0.0.1", "127.9.9.9", "::1", "localhost"})
    CHECK(values({{"api.host", host}}).api.host == host);
  CHECK_THAT(refusal_of({{"api.host", ""}}), Contains("empty"));
}

TEST_CASE("the ways out work") {
  const auto dir = temp_dir{};
  write_file(dir / "chain", "x");
  write_file(dir / "key", "x");
  CHECK(values({{"api.host", "0.0.0.0"}, {"tls.terminated_upstream", "true"}})
          .api.host
        == "0.0.0.0");
  CHECK(values({{"api.host", "0.0.0.0"},
                {"tls.certificate", dir / "chain"},
                {"tls.key", dir / "key"}})
          .api.host
        == "0.0.0.0");
}

TEST_CASE("certificate and key come together and can be read") {
  const auto dir = temp_dir{};
  write_file(dir / "chain", "x");
  CHECK_THAT(refusal_of({{"tls.certificate", dir / "chain"}}),
             Contains("only together"));
  CHECK_THAT(refusal_of({{"tls.key", dir / "chain"}}),
             Contains("only together"));
  CHECK_THAT(
    refusal_of({{"tls.certificate", dir / "chain"}, {"tls.key", dir / "none"}}),
    Contains("tls.key") && Contains("cannot be read"));
  CHECK_THAT(
    refusal_of({{"tls.certificate", dir.path()}, {"tls.key", dir / "chain"}}),
    Contains("is a directory"));
}

// -- what this version cannot do ----------------------------------------------

TEST_CASE("what is not in this version is refused, with what to do") {
  const auto all = pairs{{"docker.enabled", "true"}};
  for (const auto& [key, value] : all) {
    CAPTURE(key, value);
    CHECK_THAT(refusal_of({{key, value}}),
               Contains(key) && Contains("available")
                 && (Contains("leave it") || Contains("set it")));
  }
}

TEST_CASE("the lists of the command policy are of use, or refused") {
  for (const auto* mode : {"auto", "true", "false"})
    CHECK(word_of(values({{"security.require_command_validation", mode}})
                    .security.require_command_validation)
          == mode);
  CHECK(values({{"security.exec_policy", "allowlist"}}).security.policy
        == exec_policy::allowlist);
  for (const auto* name : {"/bin/ls", "ls -l"})
    CHECK_THAT(refusal_of({{"security.command_allowlist", name}}),
               Contains("security.command_allowlist") && Contains("name"));
  CHECK_THAT(
    refusal_of({{"security.dangerous_patterns", std::string(257, 'x')}}),
    Contains("security.dangerous_patterns") && Contains("1 to 256"));
}

// -- isolation ----------------------------------------------------------------

TEST_CASE("directories for sessions are named by absolute paths") {
  for (const auto* key : {"session.workspace_roots", "session.readonly_mounts"})
    for (const auto* path : {"data", "./data", "/srv/../etc", "/srv/.."}) {
      CAPTURE(key, path);
      const auto words = refusal_of({{key, path}});
      CHECK_THAT(words, Contains(key));
      CHECK_THAT(words, Contains(path));
    }
  CHECK(values({{"session.readonly_mounts", "/srv/..data,/a"}})
          .session.readonly_mounts.size()
        == 2);
}

TEST_CASE("what is not to be used has to be a mechanism") {
  const auto words = refusal_of({{"isolation.disable", "mount,muont"}});
  CHECK_THAT(words, Contains("'muont'"));
  CHECK_THAT(words, Contains("cgroup_kill"));
  CHECK(values({{"isolation.disable", "mount,cgroup_kill"}})
          .isolation.disable.size()
        == 2);
}

TEST_CASE("a rule for the network that is none is named") {
  const auto words
    = refusal_of({{"isolation.network_allow", "example.org:443,example.net"}});
  CHECK_THAT(words, Contains("isolation.network_allow has 'example.net'"));
  CHECK(values({{"isolation.network_allow", "[\"[::1]:443\", \"*.a.b:*\"]"}})
          .isolation.network_allow.size()
        == 2);
}
