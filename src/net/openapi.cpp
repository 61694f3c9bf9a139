#include "net/openapi.hpp"

#include "messages/json_schema.hpp"
#include "net/bodies.hpp"
#include "net/operations.hpp"

#include <nlohmann/json.hpp>

#include <cctype>

namespace ocw::net {

namespace {

using json = nlohmann::ordered_json;

json reference_to(std::string_view name, json& schemas, json (*make)()) {
  const auto key = std::string{name};
  if (!schemas.contains(key))
    schemas[key] = make();
  return {{"$ref", "#/components/schemas/" + key}};
}

json parameters_of(const operation& row) {
  auto out = json::array();
  auto rest = row.path;
  for (auto open = rest.find('{'); open != std::string_view::npos;
       open = rest.find('{')) {
    const auto close = rest.find('}', open);
    out.push_back({{"name", rest.substr(open + 1, close - open - 1)},
                   {"in", "path"},
                   {"required", true},
                   {"schema", {{"type", "string"}}}});
    rest.remove_prefix(close + 1);
  }
  for (const auto& one : row.query)
    out.push_back({{"name", one.name},
                   {"in", "query"},
                   {"description", one.sentence},
                   {"schema", {{"type", one.type}}}});
  return out;
}

json success_of(const operation& row, json& schemas) {
  auto out = json{{"description", row.sentence}};
  if (row.response_type.empty())
    return out;
  auto schema = json{{"type", "string"}};
  if (row.response.make)
    schema = reference_to(row.response.name, schemas, row.response.make);
  else if (row.response_type == "application/json")
    schema = {{"type", "object"}};
  out["content"][std::string{row.response_type}] = {{"schema", schema}};
  return out;
}

void add_request(json& out, const operation& row, json& schemas) {
  if (row.raw_body) {
    out["requestBody"]["content"]["application/octet-stream"] = json::object();
  } else if (row.request.make) {
    auto& body = out["requestBody"];
    body["required"] = row.name == "submit_job";
    body["content"]["application/json"]["schema"]
      = reference_to(row.request.name, schemas, row.request.make);
  }
}

bool is_open(std::string_view path) {
  return path == "/healthz" || path == "/health" || path == "/ready";
}

json describe(const operation& row, json& schemas) {
  auto out = json{{"operationId", row.name}, {"summary", row.sentence}};
  if (auto parameters = parameters_of(row); !parameters.empty())
    out["parameters"] = std::move(parameters);
  add_request(out, row, schemas);
  auto& responses = out["responses"];
  responses[std::to_string(row.success)] = success_of(row, schemas);
  if (row.name == "submit_job")
    responses["200"] = success_of(row, schemas);
  responses["default"] = {{"$ref", "#/components/responses/error"}};
  if (is_open(row.path))
    out["security"] = json::array();
  return out;
}

std::string lower(std::string_view verb) {
  auto out = std::string{verb};
  for (auto& c : out)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

json make_document() {
  auto paths = json::object();
  auto schemas = json::object();
  for (const auto& row : operations())
    paths[std::string{row.path}][lower(row.verb)] = describe(row, schemas);
  const auto error = reference_to("error", schemas, &schema_of<error_report>);
  auto out = json{{"openapi", "3.1.0"}};
  out["info"] = {{"title", "OpenCode Worker"}, {"version", "1"}};
  out["security"] = json::array({{{"bearer", json::array()}}});
  out["paths"] = std::move(paths);
  auto& components = out["components"];
  components["schemas"] = std::move(schemas);
  components["responses"]["error"]
    = {{"description", "What went wrong."},
       {"content", {{"application/json", {{"schema", error}}}}}};
  components["securitySchemes"]["bearer"]
    = {{"type", "http"}, {"scheme", "bearer"}};
  return out;
}

} // namespace

const std::string& openapi_text() {
  static const auto text = make_document().dump();
  return text;
}

} // namespace ocw::net
