#pragma once

#include "app/http_client.hpp"

#include <caf/error.hpp>
#include <caf/expected.hpp>

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace ocw {

/// The error that an answer with a status of 400 and more stands for, as the
/// node worded it.
caf::error refusal_of(const http_answer& answer);

/// The body of a successful answer, or why there is none: those of
/// `http_client`, or the node's refusal.
caf::expected<std::string> ask_text(http_client& node, const http_call& call);

/// The same, parsed.
caf::expected<nlohmann::json> ask_json(http_client& node,
                                       const http_call& call);

/// `/v1/jobs/<id>` and what follows it, encoded.
std::string job_target(std::string_view job_id, std::string_view rest = {});

} // namespace ocw
