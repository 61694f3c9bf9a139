#pragma once

#include "ocw/ids.hpp"

#include <caf/error.hpp>
#include <caf/expected.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ocw::net {

/// What a WebSocket client can say. Which members are set depends on `type`.
struct client_message {
  std::string type; ///< "subscribe", "unsubscribe", "ping" or "stdin"
  std::optional<std::vector<std::string>> job_ids;
  std::optional<std::map<std::string, uint64_t>> from; ///< job_id → seq
  std::optional<std::string> job_id;
  std::optional<std::string> data;
  std::optional<bool> eof;
};

/// Reads a message and checks that it has what its type needs and nothing
/// else. Every error is `ec::invalid_request`.
caf::expected<client_message> read_client_message(std::string_view text);

/// What a server answers to a message it cannot obey. `job_id` may be empty.
std::string error_message(const caf::error& why, std::string_view job_id);

template <class Inspector>
bool inspect(Inspector& f, client_message& x) {
  return f.object(x).fields(
    f.field("type", x.type), f.field("job_ids", x.job_ids),
    f.field("from", x.from), f.field("job_id", x.job_id),
    f.field("data", x.data), f.field("eof", x.eof));
}

} // namespace ocw::net
