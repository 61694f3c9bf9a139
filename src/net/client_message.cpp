#include "net/client_message.hpp"

#include "messages/error_json.hpp"
#include "messages/json_reader.hpp"
#include "messages/json_string.hpp"
#include "ocw/errors.hpp"

#include <algorithm>
#include <array>

namespace ocw::net {

namespace {

/// A field besides `type`: whether it is there, and which types have it.
struct field_rule {
  std::string_view name;
  bool present;
  std::string_view required_by; ///< types, each between spaces
  std::string_view allowed_in;
};

bool lists(std::string_view types, std::string_view type) {
  return types.find(" " + std::string{type} + " ") != std::string_view::npos;
}

caf::error check_type(std::string_view type) {
  constexpr auto known = std::to_array<std::string_view>(
    {"subscribe", "unsubscribe", "ping", "stdin"});
  if (std::find(known.begin(), known.end(), type) != known.end())
    return {};
  return make_error(ec::invalid_request,
                    "the type must be subscribe, unsubscribe, ping or stdin",
                    "type");
}

caf::error check_fields(const client_message& x) {
  const auto rules = std::to_array<field_rule>({
    {"job_ids", x.job_ids.has_value(), " subscribe unsubscribe ", ""},
    {"from", x.from.has_value(), "", " subscribe "},
    {"job_id", x.job_id.has_value(), " stdin ", ""},
    {"data", x.data.has_value(), x.eof == true ? "" : " stdin ", " stdin "},
    {"eof", x.eof.has_value(), "", " stdin "},
  });
  for (const auto& rule : rules) {
    const auto name = std::string{rule.name};
    if (!rule.present && lists(rule.required_by, x.type))
      return make_error(ec::invalid_request,
                        "a message of type " + x.type + " needs " + name, name);
    if (rule.present && !lists(rule.required_by, x.type)
        && !lists(rule.allowed_in, x.type))
      return make_error(ec::invalid_request,
                        "a message of type " + x.type + " has no " + name,
                        name);
  }
  return {};
}

// What one message may ask for; it keeps the I/O thread busy meanwhile.
constexpr auto most_ids = size_t{1024};

caf::error check_ids(const std::vector<std::string>& ids) {
  if (ids.size() > most_ids)
    return make_error(ec::invalid_request,
                      "a message can name " + std::to_string(most_ids)
                        + " jobs at most",
                      "job_ids");
  for (auto i = size_t{0}; i < ids.size(); ++i)
    if (!is_valid_job_id(ids[i]))
      return make_error(ec::invalid_request, "this cannot be a job's id",
                        "job_ids[" + std::to_string(i) + "]");
  return {};
}

caf::error check_from(const client_message& x) {
  if (x.from->size() > x.job_ids->size())
    return make_error(ec::invalid_request,
                      "from names more jobs than job_ids does", "from");
  for (const auto& [id, seq] : *x.from) {
    if (std::find(x.job_ids->begin(), x.job_ids->end(), id) == x.job_ids->end())
      return make_error(ec::invalid_request,
                        "from names a job that job_ids does not", "from");
    if (seq == 0)
      return make_error(ec::invalid_request, "events are numbered from 1",
                        "from." + id);
  }
  return {};
}

caf::error check(const client_message& x) {
  if (auto err = check_type(x.type))
    return err;
  if (auto err = check_fields(x))
    return err;
  if (x.job_ids)
    if (auto err = check_ids(*x.job_ids))
      return err;
  if (x.from)
    if (auto err = check_from(x))
      return err;
  if (x.job_id && !is_valid_job_id(*x.job_id))
    return make_error(ec::invalid_request, "this cannot be a job's id",
                      "job_id");
  return {};
}

} // namespace

caf::expected<client_message> read_client_message(std::string_view text) {
  auto message = read_json<client_message>(text);
  if (!message)
    return message;
  if (auto err = check(*message))
    return err;
  return message;
}

std::string error_message(const caf::error& why, std::string_view job_id) {
  auto text = std::string{"{\"type\":\"error\","};
  if (!job_id.empty()) {
    text += "\"job_id\":";
    append_json_string(text, job_id);
    text += ',';
  }
  return text += error_json(why).substr(1);
}

} // namespace ocw::net
