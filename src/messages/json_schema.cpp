#include "messages/json_schema.hpp"

namespace ocw::detail {

void allow_null(nlohmann::ordered_json& schema) {
  if (schema.contains("type") && schema["type"].is_string()) {
    schema["type"] = {schema["type"], "null"};
    if (schema.contains("enum"))
      schema["enum"].push_back(nullptr);
    return;
  }
  if (!schema.contains("oneOf"))
    return; // it takes anything already
  schema["oneOf"].push_back({{"type", "null"}});
}

void schema_inspector::add_alias(std::string other, const std::string& name) {
  auto schema = properties_[name];
  schema["description"] = "another name of " + name;
  properties_[std::move(other)] = std::move(schema);
}

nlohmann::ordered_json schema_inspector::take() && {
  auto result = nlohmann::ordered_json{{"type", "object"}};
  result["properties"] = std::move(properties_);
  if (!required_.empty())
    result["required"] = std::move(required_);
  result["additionalProperties"] = false;
  return result;
}

} // namespace ocw::detail
