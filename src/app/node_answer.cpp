#include "app/node_answer.hpp"

#include "messages/json_document.hpp"
#include "ocw/errors.hpp"

namespace ocw {

namespace {

std::string text_in(const nlohmann::json& object, std::string_view name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>()
                                                     : std::string{};
}

/// For answers that are not the node's own: of a proxy, or of some other
/// program on that port.
ec code_for(unsigned status) {
  switch (status) {
  case 401:
    return ec::unauthorized;
  case 403:
    return ec::forbidden;
  case 404:
    return ec::not_found;
  case 413:
    return ec::payload_too_large;
  case 429:
    return ec::rate_limited;
  default:
    return status < 500 ? ec::invalid_request : ec::internal;
  }
}

constexpr auto token_advice
  = std::string_view{"; name the file that holds it with --token-file, or set "
                     "OPENCODE_WORKER_TOKEN"};

} // namespace

caf::error refusal_of(const http_answer& answer) {
  auto body = parse_json(answer.body);
  auto code = ec::none;
  auto sentence = std::string{};
  auto field = std::string{};
  if (body && body->is_object()) {
    sentence = text_in(*body, "error");
    from_word(text_in(*body, "code"), code);
    if (const auto details = body->find("details");
        details != body->end() && details->is_object())
      field = text_in(*details, "field");
  }
  if (code == ec::none)
    code = code_for(answer.status);
  if (sentence.empty())
    sentence = "the node answered with status " + std::to_string(answer.status);
  if (code == ec::unauthorized)
    sentence += token_advice;
  // That field means something else here; see `is_unreachable`.
  return make_error(code, std::move(sentence), field == "url" ? "" : field);
}

caf::expected<std::string> ask_text(http_client& node, const http_call& call) {
  auto answer = node.request(call);
  if (!answer)
    return std::move(answer.error());
  if (!answer->ok())
    return refusal_of(*answer);
  return std::move(answer->body);
}

caf::expected<nlohmann::json> ask_json(http_client& node,
                                       const http_call& call) {
  auto text = ask_text(node, call);
  if (!text)
    return std::move(text.error());
  auto document = parse_json(*text);
  if (!document)
    return make_error(ec::internal,
                      "the answer of " + url_of(node.where())
                        + " is not JSON: is that an opencode-worker?");
  return document;
}

std::string job_target(std::string_view job_id, std::string_view rest) {
  return "/v1/jobs/" + percent_encoded(job_id) + std::string{rest};
}

} // namespace ocw
