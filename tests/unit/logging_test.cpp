#include "app/log_line.hpp"
#include "app/logging.hpp"
#include "messages/json_document.hpp"
#include "messages/log_sink.hpp"
#include "ocw/errors.hpp"

#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <sys/stat.h>

#include <cstdio>
#include <sstream>
#include <thread>
#include <vector>

using namespace ocw;
using test::read_file;
using test::temp_dir;

namespace {

/// Logging as it was at the start, whatever a test did.
struct restore_logging {
  ~restore_logging() {
    static_cast<void>(set_up_logging({.output = log_output::to_stderr}));
    log::set_sink(nullptr);
    log::set_level(log::severity::warn);
  }
};

logging_config to_file(const std::string& path) {
  return {.output = log_output::to_file, .log_file_path = path};
}

std::vector<std::string> lines_of(const std::string& path) {
  auto text = std::istringstream{read_file(path)};
  auto result = std::vector<std::string>{};
  for (auto line = std::string{}; std::getline(text, line);)
    result.push_back(line);
  return result;
}

nlohmann::json json_of(const log_line& line) {
  auto text = std::string{};
  append_json_line(text, line);
  CHECK(text.ends_with("}\n"));
  CHECK(std::count(text.begin(), text.end(), '\n') == 1);
  auto document = parse_json(text);
  INFO(text);
  REQUIRE(document);
  return std::move(*document);
}

log_line line_with(std::string_view sentence) {
  return {.unix_ms = 1768858200123,
          .level = log::severity::warn,
          .event = "slot.granted",
          .whom = {},
          .sentence = sentence};
}

} // namespace

TEST_CASE("a line is one JSON object with time, level, event and message") {
  auto line = line_with("granted after 3 ms");
  line.whom = {"job-1", "session-1"};
  const auto object = json_of(line);
  CHECK(object
        == nlohmann::json{{"timestamp", "2026-01-19T21:30:00.123Z"},
                          {"level", "warn"},
                          {"event", "slot.granted"},
                          {"job_id", "job-1"},
                          {"session_id", "session-1"},
                          {"message", "granted after 3 ms"}});
}

TEST_CASE("ids that are empty are left out of a line") {
  const auto object = json_of(line_with("x"));
  CHECK_FALSE(object.contains("job_id"));
  CHECK_FALSE(object.contains("session_id"));
}

TEST_CASE("a line stays one line of valid JSON whatever it says") {
  CHECK(json_of(line_with("a\nb\"c\\d\x01"))["message"] == "a\nb\"c\\d\x01");
  CHECK(json_of(line_with("a\xff\xfe"))["message"]
        == "a\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST_CASE("a line for people keeps control characters from the terminal") {
  auto text = std::string{};
  auto line = line_with("a\nb\x1b[2Jc");
  line.whom.job = "j";
  append_pretty_line(text, line, false);
  CHECK(text
        == "2026-01-19T21:30:00.123Z WARN  slot.granted: a b?[2Jc job=j\n");
  append_pretty_line(text = {}, line, true);
  CHECK(text.find("\x1b[33mWARN \x1b[0m") != std::string::npos);
}

TEST_CASE("lines of the level and above are written, at once") {
  const auto restore = restore_logging{};
  const auto dir = temp_dir{};
  REQUIRE_FALSE(set_up_logging(to_file(dir / "log")));
  log::debug("a.debug", {}, "no");
  log::info("a.info", {"job", "session"}, "number {}", 7);
  log::error("a.error", {}, "yes");
  const auto lines = lines_of(dir / "log");
  REQUIRE(lines.size() == 2);
  const auto first = parse_json(lines[0]);
  REQUIRE(first);
  CHECK((*first)["message"] == "number 7");
  CHECK((*first)["job_id"] == "job");
  CHECK_FALSE(log::enabled(log::severity::debug));
}

TEST_CASE("logging can be changed while it is in use") {
  const auto restore = restore_logging{};
  const auto dir = temp_dir{};
  auto settings = to_file(dir / "a");
  REQUIRE_FALSE(set_up_logging(settings));
  log::info("x", {}, "one");
  settings.log_file_path = dir / "b";
  settings.format = log_format::pretty;
  settings.level = log_level::debug;
  REQUIRE_FALSE(set_up_logging(settings));
  log::debug("x", {}, "two");
  CHECK(lines_of(dir / "a").size() == 1);
  REQUIRE(lines_of(dir / "b").size() == 1);
  CHECK(lines_of(dir / "b")[0].ends_with("DEBUG x: two"));
}

TEST_CASE("a log file that cannot be opened is an error and changes nothing") {
  const auto restore = restore_logging{};
  const auto dir = temp_dir{};
  REQUIRE_FALSE(set_up_logging(to_file(dir / "log")));
  const auto err = set_up_logging(to_file(dir / "none/log"));
  CHECK(field_of(err) == "logging.log_file_path");
  CHECK(sentence_of(err).find(dir / "none/log") != std::string::npos);
  log::info("x", {}, "still here");
  CHECK(lines_of(dir / "log").size() == 1);
}

TEST_CASE("a log file that was moved away is opened again by its name") {
  const auto restore = restore_logging{};
  const auto dir = temp_dir{};
  REQUIRE_FALSE(set_up_logging(to_file(dir / "log")));
  log::info("x", {}, "one");
  REQUIRE(std::rename((dir / "log").c_str(), (dir / "log.1").c_str()) == 0);
  log::info("x", {}, "two");
  reopen_log();
  log::info("x", {}, "three");
  CHECK(lines_of(dir / "log.1").size() == 2);
  CHECK(lines_of(dir / "log").size() == 1);
}

TEST_CASE("only the owner can read a log file") {
  const auto restore = restore_logging{};
  const auto dir = temp_dir{};
  REQUIRE_FALSE(set_up_logging(to_file(dir / "log")));
  struct stat found = {};
  REQUIRE(::stat((dir / "log").c_str(), &found) == 0);
  CHECK((found.st_mode & 077) == 0);
}

TEST_CASE("lines of several threads do not mix") {
  const auto restore = restore_logging{};
  const auto dir = temp_dir{};
  REQUIRE_FALSE(set_up_logging(to_file(dir / "log")));
  auto threads = std::vector<std::thread>{};
  for (auto n = 0; n < 4; ++n)
    threads.emplace_back([n] {
      for (auto i = 0; i < 500; ++i)
        log::info("x", {}, "{}", std::string(200, static_cast<char>('a' + n)));
    });
  for (auto& thread : threads)
    thread.join();
  const auto lines = lines_of(dir / "log");
  CHECK(lines.size() == 2000);
  for (const auto& line : lines)
    REQUIRE(parse_json(line));
}
