#pragma once

#include "ocw/messages/output.hpp"

#include <caf/expected.hpp>

#include <string>
#include <string_view>

namespace ocw {

/// Appends an event as WebSocket and SSE carry it:
/// `{"type": …, "job_id": …, "seq": …, "timestamp": <ms>, "data": {…}}`.
/// Output that is no text (ill-formed UTF-8, or NUL in it) goes as base64 and
/// says so. Beyond growing `out`, nothing is allocated for output.
void append_event_json(std::string& out, const job_event& event);

/// Reads what `append_event_json` wrote, for clients. Fields that a newer node
/// may have added are skipped; an unknown type is `ec::invalid_request`.
caf::expected<job_event> read_event_json(std::string_view text);

} // namespace ocw
