#include "messages/json_schema.hpp"
#include "ocw/messages/listing.hpp"
#include "ocw/messages/operations.hpp"

#include "support/catch.hpp"

#include <string>

using namespace ocw;
using nlohmann::ordered_json;

TEST_CASE("the schema of a request says all that its reader takes") {
  const auto schema = schema_of<job_request>();
  CHECK(schema["type"] == "object");
  CHECK(schema["additionalProperties"] == false);
  CHECK_FALSE(schema.contains("required"));
  const auto& fields = schema["properties"];
  CHECK(fields["command"]["type"] == ordered_json::array({"string", "null"}));
  CHECK(fields["argv"]["items"]["type"] == "string");
  CHECK(fields["env"]["additionalProperties"]["type"] == "string");
  CHECK(fields["env"]["default"] == ordered_json::object());
  CHECK(fields["priority"]["default"] == 50);
  CHECK(fields["priority"]["minimum"] == 0);
  CHECK(fields["on_worker_lost"]["enum"]
        == ordered_json::array({"fail", "requeue"}));
  CHECK(fields["on_worker_lost"]["default"] == "fail");
  CHECK(fields["stream_config"]["properties"]
        == fields["stream"]["properties"]);
  CHECK(fields["metadata"]["type"] == "object");
  CHECK(fields["limits"]["default"] == ordered_json::object());
}

TEST_CASE("nested objects and value types have their own schemas") {
  const auto schema = schema_of<job_request>();
  const auto& limits = schema["properties"]["limits"]["properties"];
  CHECK(limits["pids"]["maximum"] == 4294967295u);
  CHECK(limits["cpu"]["type"] == ordered_json::array({"number", "null"}));
  REQUIRE(limits["memory"]["oneOf"].size() == 3);
  CHECK(limits["memory"]["oneOf"][0]["type"] == "string");
  CHECK(limits["memory"]["oneOf"][1]["type"] == "number");
  CHECK(limits["memory"]["oneOf"][2]["type"] == "null");
  const auto& file = schema["properties"]["files"]["additionalProperties"];
  REQUIRE(file["oneOf"].size() == 2);
  CHECK(file["oneOf"][0]["type"] == "string");
  CHECK(file["oneOf"][1]["required"]
        == ordered_json::array({"content_base64"}));
  CHECK(file["oneOf"][1]["properties"]["mode"]["default"] == "0644");
  const auto& network = schema["properties"]["config"]["properties"]["network"];
  CHECK(network["enum"]
        == ordered_json::array({"restricted", "open", nullptr}));
}

TEST_CASE("fields that must be there are required") {
  CHECK(schema_of<cancel_job>()["required"] == ordered_json::array({"job_id"}));
  CHECK(schema_of<list_sessions>()
        == ordered_json{{"type", "object"},
                        {"properties", ordered_json::object()},
                        {"additionalProperties", false}});
}

TEST_CASE("replies have schemas too") {
  const auto page = schema_of<job_page>();
  const auto& state = page["properties"]["jobs"]["items"];
  CHECK(state["properties"]["created_at"]["format"] == "date-time");
  CHECK(state["properties"]["phase"]["enum"].back().is_null());
  const auto result = schema_of<job_result>();
  CHECK(result["properties"]["exit_code"]["minimum"] == -2147483648);
  CHECK(result["properties"]["stdout"]["type"]
        == ordered_json::array({"string", "null"}));
}
