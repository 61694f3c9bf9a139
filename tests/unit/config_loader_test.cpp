#include "app/config_loader.hpp"
#include "app/settings.hpp"
#include "messages/json_document.hpp"
#include "ocw/errors.hpp"

#include "support/catch.hpp"
#include "support/loaded.hpp"
#include "support/temp_dir.hpp"

#include <sys/stat.h>

using namespace ocw;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using test::loaded;
using test::refusal;
using test::temp_dir;
using test::write_file;

namespace {

/// Sources that know nothing of the machine the test runs on.
config_sources nothing(const temp_dir& dir) {
  auto result = config_sources{};
  result.environment = {{"HOME", dir.path()}, {"PATH", "/bin"}};
  return result;
}

config_sources with_file(const temp_dir& dir, const std::string& text) {
  auto result = nothing(dir);
  result.file = dir / "settings.json";
  write_file(result.file, text);
  return result;
}

} // namespace

// -- who wins -----------------------------------------------------------------

TEST_CASE("without any source all values are defaults") {
  const auto dir = temp_dir{};
  const auto result = loaded(nothing(dir));
  CHECK(result.file.empty());
  CHECK(result.values.api.port == 3000);
  CHECK(result.values.security.command_allowlist.size() == 136);
  for (const auto& row : all_settings())
    CHECK_THAT(result.origins.at(std::string{row.key}), StartsWith("default"));
}

TEST_CASE("the command line wins over the environment over the file") {
  const auto dir = temp_dir{};
  auto from = with_file(
    dir, R"({"api": {"port": 1}, "cluster": {"port": 1, "host": "::1"},
             "websocket": {"port": 2}})");
  from.environment["OPENCODE_WORKER_API_PORT"] = "2";
  from.environment["OPENCODE_WORKER_CLUSTER_PORT"] = "2";
  from.command_line = {{"api.port", "3"}, {"api.port", "4"}};
  const auto result = loaded(from);
  CHECK(result.values.api.port == 4);
  CHECK(result.origins.at("api.port") == "command line");
  CHECK(result.values.cluster.port == 2);
  CHECK(result.origins.at("cluster.port")
        == "environment OPENCODE_WORKER_CLUSTER_PORT");
  CHECK(result.values.cluster.host == "::1");
  CHECK(result.origins.at("cluster.host") == "file " + from.file);
  CHECK(result.origins.at("cluster.lease_ms") == "default");
  CHECK(result.file == from.file);
}

TEST_CASE("every setting can be set by its variable, long names included") {
  const auto dir = temp_dir{};
  auto from = nothing(dir);
  from.environment["OPENCODE_WORKER_SESSION_MAX_CONCURRENT_SESSIONS"] = "20";
  from.environment["OPENCODE_WORKER_SESSION_BASE_DIR"] = dir.path();
  from.environment["OPENCODE_WORKER_STATE_DIR"] = dir / "state";
  from.environment["OPENCODE_WORKER_SECURITY_EXEC_POLICY"] = "any";
  from.environment["OPENCODE_WORKER_GOVERNANCE_DEFAULT_CPU"] = "4";
  const auto result = loaded(from);
  CHECK(result.values.session.max_concurrent_sessions == 20);
  CHECK(result.values.session.base_dir == dir.path());
  CHECK(result.values.state_dir == dir / "state");
  CHECK(result.values.governance.default_cpu == 4);
}

// -- which file ---------------------------------------------------------------

TEST_CASE("the first file that exists is read, and only that") {
  const auto dir = temp_dir{};
  auto from = nothing(dir);
  from.places = {dir / "none.json", dir / "a.json", dir / "b.json"};
  write_file(dir / "a.json", R"({"api": {"port": 5}})");
  write_file(dir / "b.json", R"({"cluster": {"port": 6}})");
  const auto result = loaded(from);
  CHECK(result.file == dir / "a.json");
  CHECK(result.values.api.port == 5);
  CHECK(result.values.cluster.port == 4240);
}

TEST_CASE("files are looked for here, where XDG says, and in /etc") {
  using list = std::vector<std::string>;
  const auto last = std::string{"/etc/opencode-worker/opencode-worker.json"};
  const auto first = std::string{"opencode-worker.json"};
  CHECK(config_sources::places_of({}) == list{first, last});
  CHECK(
    config_sources::places_of({{"HOME", "/h"}})
    == list{first, "/h/.config/opencode-worker/opencode-worker.json", last});
  CHECK(config_sources::places_of({{"HOME", "/h"}, {"XDG_CONFIG_HOME", "/x"}})
        == list{first, "/x/opencode-worker/opencode-worker.json", last});
}

TEST_CASE("a named file that is missing or a directory is an error") {
  const auto dir = temp_dir{};
  auto from = nothing(dir);
  from.file = dir / "none.json";
  CHECK_THAT(refusal(from), Contains(from.file) && Contains("No such file"));
  from.file = dir.path();
  CHECK_THAT(refusal(from), Contains(dir.path()) && Contains("directory"));
}

// -- what is refused ----------------------------------------------------------

TEST_CASE("broken JSON is refused with file, line and column") {
  const auto dir = temp_dir{};
  const auto from = with_file(dir, "{\n  \"api\": {\n    port: 3000\n  }\n}\n");
  CHECK_THAT(refusal(from), StartsWith("file " + from.file + ": ")
                              && Contains("line 3, column 5"));
  CHECK_THAT(refusal(with_file(dir, "")), Contains("not valid JSON"));
  CHECK_THAT(refusal(with_file(dir, "[]")), Contains("object"));
  CHECK_THAT(refusal(with_file(dir, R"({"api":{"port":1,"port":2}})")),
             Contains("api.port is there twice"));
}

TEST_CASE("a file that nests deeply or is huge is refused, not a crash") {
  const auto dir = temp_dir{};
  auto deep = std::string{"{\"api\":"};
  for (auto i = 0; i < 10000; ++i)
    deep += "{\"a\":";
  CHECK_THAT(refusal(with_file(dir, deep)), Contains("nests deeper"));
  CHECK_THAT(refusal(with_file(dir, std::string(2 << 20, ' '))),
             Contains("over 1 MiB"));
}

TEST_CASE("an unknown key is refused with the nearest one") {
  const auto dir = temp_dir{};
  const auto from = with_file(dir, R"({"api": {"prot": 3000}})");
  CHECK_THAT(refusal(from), Contains(from.file)
                              && Contains("there is no setting 'api.prot'")
                              && Contains("the nearest is api.port"));
  CHECK_THAT(refusal(with_file(dir, R"({"websockets": {"port": 1}})")),
             Contains("the nearest is websocket.port"));
  CHECK_THAT(refusal(with_file(dir, R"({"wrker": {}})")), Contains("'wrker'"));
  CHECK_THAT(refusal(with_file(dir, R"({"port": 1})")), Contains(".port"));
  CHECK_THAT(refusal(with_file(dir, R"({"governance": {"max_clients": 1}})")),
             Contains("websocket.max_clients"));
  CHECK_THAT(refusal(with_file(dir, R"({"api": 3000})")),
             Contains("api must be an object"));
  CHECK_THAT(refusal(with_file(dir, R"({"api.port": 3000})")),
             Contains(R"({"api": {"port": …}})"));
  auto line = nothing(dir);
  line.command_line = {{"loging.level", "debug"}};
  CHECK_THAT(refusal(line), StartsWith("command line: ")
                              && Contains("the nearest is logging.level"));
}

TEST_CASE("a wrong value is refused with source, key, value and what is "
          "allowed") {
  const auto dir = temp_dir{};
  auto from = with_file(dir, R"({"api": {"port": "3000"}})");
  CHECK(refusal(from)
        == "file " + from.file
             + ": api.port is \"3000\", but must be an integer from 0 to "
               "65535");
  from = nothing(dir);
  from.environment["OPENCODE_WORKER_LOGGING_LEVEL"] = "loud";
  CHECK(refusal(from)
        == "environment OPENCODE_WORKER_LOGGING_LEVEL: logging.level is "
           "'loud', but must be one of trace, debug, info, warn, error");
  from = nothing(dir);
  from.command_line = {{"api.port", "70000"}};
  CHECK(refusal(from)
        == "command line: api.port is '70000', but must be an integer from 0 "
           "to 65535");
}

TEST_CASE("the place of the token is told to who looks for api_key") {
  const auto dir = temp_dir{};
  const auto text = refusal(with_file(dir, R"({"api":{"api_key":"s3cret"}})"));
  CHECK_THAT(text, Contains("'token'") && !Contains("s3cret"));
}

TEST_CASE("a variable of ours that means nothing is refused, without its "
          "value") {
  const auto dir = temp_dir{};
  auto from = nothing(dir);
  from.environment["OPENCODE_WORKER_TOKN"] = "s3cret";
  CHECK_THAT(refusal(from), Contains("OPENCODE_WORKER_TOKN")
                              && Contains("OPENCODE_WORKER_TOKEN")
                              && !Contains("s3cret"));
  from = nothing(dir);
  from.environment["OPENCODE_WORKER_SESION_BASE_DIR"] = "/x";
  CHECK_THAT(refusal(from),
             Contains("the nearest is OPENCODE_WORKER_SESSION_BASE_DIR"));
}

TEST_CASE("the variables of clients and of Kubernetes are left alone") {
  const auto dir = temp_dir{};
  auto from = nothing(dir);
  from.environment.insert({{"OPENCODE_WORKER_TOKEN", "0123456789abcdef"},
                           {"OPENCODE_WORKER_URL", "http://127.0.0.1:1"},
                           {"OPENCODE_WORKER_SERVICE_HOST", "10.0.0.1"},
                           {"OPENCODE_WORKER_SERVICE_PORT_HTTP", "3000"},
                           {"OPENCODE_WORKER_PORT", "tcp://10.0.0.1:3000"},
                           {"OPENCODE_WORKER_PORT_3000_TCP_ADDR", "10.0.0.1"}});
  CHECK(loaded(from).values.api.port == 3000);
  from.environment["OPENCODE_WORKER_PORT"] = "3001";
  CHECK_THAT(refusal(from),
             Contains("OPENCODE_WORKER_API_PORT") || Contains("_PORT"));
}

// -- what is printed ----------------------------------------------------------

TEST_CASE("the effective settings are printed with where they come from") {
  const auto dir = temp_dir{};
  auto from = nothing(dir);
  from.command_line = {{"api.port", "3001"}, {"worker.id", "büro \\ \"1\""}};
  const auto result = loaded(from);
  const auto text = render_config(result, false);
  for (const auto& row : all_settings())
    CHECK_THAT(text, Contains(std::string{row.key}));
  CHECK_THAT(text, Contains("command line"));
  const auto document = parse_json(render_config(result, true));
  REQUIRE(document);
  CHECK((*document)["values"]["api"]["port"] == 3001);
  CHECK((*document)["values"]["worker"]["id"] == "büro \\ \"1\"");
  CHECK((*document)["origins"]["api.port"] == "command line");
  CHECK((*document)["file"].is_null());
}

TEST_CASE("what is printed as JSON can be used as a file again") {
  const auto dir = temp_dir{};
  auto from = nothing(dir);
  from.command_line = {{"worker.labels", "zone=a"}, {"api.port", "0"}};
  const auto first = loaded(from);
  const auto printed = parse_json(render_config(first, true));
  REQUIRE(printed);
  const auto again = loaded(with_file(dir, (*printed)["values"].dump()));
  CHECK(settings_as_json(again.values) == settings_as_json(first.values));
}

TEST_CASE("the default configuration file changes nothing") {
  const auto dir = temp_dir{};
  auto from = nothing(dir);
  const auto bare = loaded(from);
  from.file = std::string{OCW_SOURCE_DIR} + "/config/opencode-worker.json";
  CHECK(settings_as_json(loaded(from).values) == settings_as_json(bare.values));
}
