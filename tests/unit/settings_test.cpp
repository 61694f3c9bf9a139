#include "app/settings.hpp"
#include "messages/json_document.hpp"

#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <fmt/format.h>

#include <set>

using namespace ocw;

namespace {

const std::string root = OCW_SOURCE_DIR;

std::string escaped(std::string text) {
  for (auto at = text.find('|'); at != std::string::npos;
       at = text.find('|', at + 2))
    text.replace(at, 1, "\\|");
  return text;
}

bool is_long(const nlohmann::ordered_json& value) {
  return value.is_array() && value.size() > 4;
}

/// The line of the reference page that a setting should have.
std::string reference_row(const setting& row) {
  const auto value = row.to_json(config{});
  return fmt::format("| `{}` | {} | {} | {} | {} |", row.key,
                     is_long(value) ? "below"
                                    : "`" + escaped(value.dump()) + "`",
                     escaped(row.allowed), row.live ? "yes" : "",
                     escaped(std::string{row.sentence}));
}

config changed(std::string_view key, const std::string& text) {
  auto result = config{};
  REQUIRE(find_setting(key)->from_text(result, text).empty());
  return result;
}

} // namespace

TEST_CASE("every key is there once, with a sentence and what is allowed") {
  auto seen = std::set<std::string_view>{};
  for (const auto& row : all_settings()) {
    CAPTURE(row.key);
    CHECK(seen.insert(row.key).second);
    CHECK_FALSE(row.sentence.empty());
    CHECK_FALSE(row.sentence.ends_with('.'));
    CHECK_FALSE(row.allowed.empty());
  }
}

TEST_CASE("every default is a value that its setting takes, as JSON") {
  const auto original = config{};
  for (const auto& row : all_settings()) {
    CAPTURE(row.key);
    auto copy = config{};
    const auto value = nlohmann::json(row.to_json(original));
    CHECK(row.from_json(copy, value).empty());
    CHECK(row.to_json(copy) == row.to_json(original));
  }
}

TEST_CASE("every default is a value that its setting takes, as text") {
  const auto original = config{};
  for (const auto& row : all_settings()) {
    CAPTURE(row.key);
    auto copy = config{};
    const auto value = row.to_json(original);
    const auto text
      = value.is_string() ? value.get<std::string>() : value.dump();
    CHECK(row.from_text(copy, text).empty());
    CHECK(row.to_json(copy) == value);
  }
}

TEST_CASE("every setting changes its own value and no other") {
  for (const auto& row : all_settings()) {
    CAPTURE(row.key);
    auto other = config{};
    const auto before = row.to_json(other);
    const auto texts
      = {"true",   "false", "7",         "9000",      "never", "warn",
         "pretty", "file",  "allowlist", "container", "a=b",   "[\"x\"]"};
    for (const auto* text : texts)
      if (row.to_json(other) == before)
        row.from_text(other, text);
    REQUIRE(row.to_json(other) != before);
    const auto plan = plan_reload(config{}, other);
    CHECK(plan.live.size() + plan.restart.size() == 1);
    auto copy = config{};
    row.copy(copy, other);
    CHECK(row.to_json(copy) == row.to_json(other));
  }
}

TEST_CASE("the default configuration file holds all defaults, in order") {
  const auto expected = settings_as_json(config{}).dump(2) + "\n";
  CHECK(test::read_file(root + "/config/opencode-worker.json") == expected);
}

TEST_CASE("the reference page has every key, its default and its sentence") {
  const auto page = test::read_file(root + "/docs/configuration.md");
  for (const auto& row : all_settings()) {
    const auto line = reference_row(row);
    CAPTURE(line);
    CHECK(page.find(line) != std::string::npos);
    const auto value = row.to_json(config{});
    if (is_long(value))
      for (const auto& item : value)
        CHECK(
          (page.find(item.get<std::string>() + "`") != std::string::npos
           || page.find(item.get<std::string>() + " ``") != std::string::npos));
  }
}

TEST_CASE("the reference page knows no setting that is not there") {
  const auto page = test::read_file(root + "/docs/configuration.md");
  for (auto at = page.find("\n| `"); at != std::string::npos;
       at = page.find("\n| `", at + 1)) {
    const auto key = page.substr(at + 4, page.find('`', at + 4) - at - 4);
    CAPTURE(key);
    CHECK(find_setting(key) != nullptr);
  }
}

TEST_CASE("names of variables are made of section and key") {
  CHECK(environment_name("session.max_concurrent_sessions")
        == "OPENCODE_WORKER_SESSION_MAX_CONCURRENT_SESSIONS");
  CHECK(environment_name("state_dir") == "OPENCODE_WORKER_STATE_DIR");
}

TEST_CASE("a reload changes what is live and names what needs a restart") {
  auto running = config{};
  auto fresh = changed("logging.level", "debug");
  fresh.api.port = 3001;
  fresh.governance.max_cpu = 16;
  const auto plan = plan_reload(running, fresh);
  CHECK(plan.live
        == std::vector<std::string>{"governance.max_cpu", "logging.level"});
  CHECK(plan.restart == std::vector<std::string>{"api.port"});
  apply_live(running, fresh);
  CHECK(running.logging.level == log_level::debug);
  CHECK(running.governance.max_cpu == 16);
  CHECK(running.api.port == 3000);
}

TEST_CASE("numbers out of their range, with rests or signs are refused") {
  const auto& port = *find_setting("api.port");
  auto into = config{};
  for (const auto* text : {"-1", "65536", "3000x", " 3000", "", "0x10", "3e3",
                           "+1", "3000.0", "99999999999999999999"}) {
    CAPTURE(text);
    CHECK(port.from_text(into, text) == "an integer from 0 to 65535");
  }
  CHECK(into.api.port == 3000);
  const auto& cores = *find_setting("governance.default_cpu");
  for (const auto* text : {"nan", "inf", "0", "-1", "1e9", "2 "}) {
    CAPTURE(text);
    CHECK_FALSE(cores.from_text(into, text).empty());
  }
  CHECK(cores.from_text(into, "1.5").empty());
  CHECK(into.governance.default_cpu == 1.5);
}

TEST_CASE("the types of JSON are strict") {
  auto into = config{};
  const auto refuses = [&](const char* key, const char* text) {
    CAPTURE(key, text);
    const auto value = parse_json(text);
    REQUIRE(value);
    CHECK_FALSE(find_setting(key)->from_json(into, *value).empty());
  };
  refuses("api.port", "\"3000\"");
  refuses("api.port", "3000.0");
  refuses("api.port", "-1");
  refuses("api.port", "18446744073709551615");
  refuses("api.port", "null");
  refuses("api.port", "true");
  refuses("api.host", "1");
  refuses("websocket.enabled", "1");
  refuses("websocket.enabled", "\"true\"");
  refuses("worker.labels", "[]");
  refuses("worker.labels", "{\"a\": 1}");
  refuses("session.workspace_roots", "{}");
  refuses("session.workspace_roots", "[1]");
  refuses("logging.level", "\"verbose\"");
  refuses("logging.level", "1");
  refuses("logging.level", "true");
  CHECK(plan_reload(config{}, into).live.empty());
  CHECK(plan_reload(config{}, into).restart.empty());
}

TEST_CASE("validation is a word, and true and false as JSON has them") {
  auto into = config{};
  const auto& row = *find_setting("security.require_command_validation");
  CHECK(row.from_json(into, true).empty());
  CHECK(into.security.require_command_validation == validation_mode::always);
  CHECK(row.from_json(into, false).empty());
  CHECK(into.security.require_command_validation == validation_mode::never);
  CHECK(row.from_json(into, "auto").empty());
  CHECK(into.security.require_command_validation == validation_mode::automatic);
}

TEST_CASE("lists and objects are read from text and from JSON") {
  auto into = config{};
  const auto& roots = *find_setting("session.workspace_roots");
  const auto expected = std::vector<std::string>{"/a", "/b c"};
  for (const auto* text : {"/a,/b c", "/a, /b c", R"(["/a","/b c"])"}) {
    CAPTURE(text);
    into.session.workspace_roots.clear();
    CHECK(roots.from_text(into, text).empty());
    CHECK(into.session.workspace_roots == expected);
  }
  CHECK(roots.from_text(into, "").empty());
  CHECK(into.session.workspace_roots.empty());
  for (const auto* text : {"/a,", ",", "/a,,/b", "[", "{}", "[1]"}) {
    CAPTURE(text);
    CHECK_FALSE(roots.from_text(into, text).empty());
  }
  const auto& labels = *find_setting("worker.labels");
  for (const auto* text : {"zone=a,gpu=x=1", R"({"zone":"a","gpu":"x=1"})"}) {
    CAPTURE(text);
    CHECK(labels.from_text(into, text).empty());
    CHECK(into.worker.labels
          == std::map<std::string, std::string>{{"zone", "a"}, {"gpu", "x=1"}});
  }
  for (const auto* text : {"zone", "=a", "a=1,a=2", "[]", "{\"a\":1}"}) {
    CAPTURE(text);
    CHECK_FALSE(labels.from_text(into, text).empty());
  }
}

TEST_CASE("text with control characters or broken UTF-8 is refused") {
  auto into = config{};
  const auto& host = *find_setting("api.host");
  const auto nul = std::string{"a\0b", 3};
  for (const auto& text : {std::string{"a\nb"}, nul, std::string{"\x1b[1m"},
                           std::string{"\xff"}, std::string{"\x7f"}})
    CHECK_FALSE(host.from_text(into, text).empty());
  CHECK(find_setting("worker.id")->from_text(into, "büro-1").empty());
}

TEST_CASE("JSON in a variable is bounded like JSON in a file") {
  auto into = config{};
  const auto deep = std::string(100000, '[');
  CHECK_FALSE(
    find_setting("session.workspace_roots")->from_text(into, deep).empty());
}
