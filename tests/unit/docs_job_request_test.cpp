#include "messages/event_json.hpp"
#include "messages/job_request.hpp"
#include "messages/json_reader.hpp"
#include "messages/json_schema.hpp"
#include "ocw/errors.hpp"

#include "support/catch.hpp"

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

using namespace ocw;

namespace {

std::string page() {
  auto file = std::ifstream{OCW_SOURCE_DIR "/docs/job-request.md"};
  auto text = std::stringstream{};
  text << file.rdbuf();
  return text.str();
}

/// The blocks of JSON that follow a heading.
std::vector<std::string> examples(const std::string& text,
                                  const std::string& heading) {
  auto result = std::vector<std::string>{};
  const auto start = text.find("\n## " + heading + "\n");
  REQUIRE(start != std::string::npos);
  const auto end = text.find("\n## ", start + 1);
  auto at = text.find("```json\n", start);
  while (at < end) {
    const auto body = at + 8;
    const auto stop = text.find("\n```", body);
    result.push_back(text.substr(body, stop - body));
    at = text.find("```json\n", stop);
  }
  REQUIRE_FALSE(result.empty());
  return result;
}

} // namespace

TEST_CASE("the requests of the reference page are good requests") {
  const auto text = page();
  for (const auto& example : examples(text, "The request")) {
    CAPTURE(example);
    const auto request = parse_job_request(example);
    CHECK((request ? "" : sentence_of(request.error())) == std::string{});
  }
}

TEST_CASE("the results of the reference page are good results") {
  const auto text = page();
  for (const auto& example : examples(text, "The result")) {
    CAPTURE(example);
    const auto result = read_json<job_result>(example);
    CHECK((result ? "" : sentence_of(result.error())) == std::string{});
  }
}

TEST_CASE("the reference page names every field of requests and results") {
  const auto text = page();
  const auto is_named = [&](const std::string& field) {
    return text.find('`' + field + '`') != std::string::npos;
  };
  const auto request = schema_of<job_request>();
  for (const auto& [name, schema] : request["properties"].items()) {
    CAPTURE(name);
    CHECK(is_named(name));
    if (!schema.contains("properties") || name == "stream_config")
      continue;
    for (const auto& [inner, ignored] : schema["properties"].items()) {
      CAPTURE(inner);
      CHECK(is_named(name + "." + inner));
    }
  }
  const auto result = schema_of<job_result>();
  for (const auto& [name, ignored] : result["properties"].items()) {
    CAPTURE(name);
    CHECK(is_named(name));
  }
}

TEST_CASE("the reference page names every reason") {
  const auto text = page();
  for (const auto word : enum_words<reason_code>) {
    CAPTURE(word);
    CHECK((word == "none"
           || text.find('`' + std::string{word} + '`') != std::string::npos));
  }
}
