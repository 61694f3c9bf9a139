#include "net/openapi.hpp"
#include "net/operations.hpp"

#include "support/catch.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>
#include <string>

using namespace ocw::net;

namespace {

std::string key_of(std::string verb, std::string_view path) {
  std::transform(verb.begin(), verb.end(), verb.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return verb + ' ' + std::string{path};
}

void collect_references(const nlohmann::json& at, std::set<std::string>& out) {
  if (at.is_object())
    if (const auto found = at.find("$ref"); found != at.end())
      out.insert(found->get<std::string>());
  if (at.is_structured())
    for (const auto& one : at)
      collect_references(one, out);
}

} // namespace

TEST_CASE("every operation has a name of its own and someone to answer it") {
  auto names = std::set<std::string_view>{};
  for (const auto& row : operations()) {
    INFO(row.name);
    CHECK(names.insert(row.name).second);
    CHECK(row.handler != nullptr);
    CHECK(row.path.starts_with('/'));
    CHECK(row.sentence.ends_with('.'));
    for (const auto c : row.name)
      CHECK((c == '_' || (c >= 'a' && c <= 'z')));
  }
}

TEST_CASE("the API's description lists exactly the routed paths") {
  auto routed = std::set<std::string>{};
  for (const auto& row : operations())
    CHECK(routed.insert(key_of(std::string{row.verb}, row.path)).second);
  auto described = std::set<std::string>{};
  const auto document = nlohmann::json::parse(openapi_text());
  for (const auto& [path, verbs] : document.at("paths").items())
    for (const auto& [verb, what] : verbs.items())
      described.insert(key_of(verb, path));
  CHECK(described == routed);
}

TEST_CASE("the API's description is complete in itself") {
  const auto document = nlohmann::json::parse(openapi_text());
  CHECK(document.at("openapi") == "3.1.0");
  auto references = std::set<std::string>{};
  collect_references(document, references);
  CHECK(references.contains("#/components/schemas/job_request"));
  for (const auto& one : references) {
    INFO(one);
    CHECK(document.contains(nlohmann::json::json_pointer{one.substr(1)}));
  }
}

TEST_CASE("every captured part of a path is described as a parameter") {
  const auto document = nlohmann::json::parse(openapi_text());
  const auto& get
    = document.at("paths").at("/v1/jobs/{job_id}/artifacts/{path}").at("get");
  CHECK(get.at("parameters").size() == 2);
  CHECK(get.at("parameters").at(0).at("name") == "job_id");
  CHECK(get.at("parameters").at(1).at("name") == "path");
}
