#pragma once

#include "ocw/messages/output.hpp"
#include "store/history.hpp"

#include <caf/expected.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace ocw::net {

/// One event of a history as the JSON every channel sends.
struct event_text {
  event_type type = event_type::job_status;
  std::string_view json; ///< good until the next call of `text_of_event`
};

/// True when an event of this type is the last of its job.
constexpr bool is_last(event_type type) {
  return type == event_type::job_complete || type == event_type::job_error;
}

/// Renders event `seq` of `follow`; nullopt when it has not happened yet, an
/// error when the spool is damaged there. The newest texts are kept, within a
/// bound, so that many followers at the same place cost one rendering. To be
/// called on one thread, the I/O thread.
caf::expected<std::optional<event_text>>
text_of_event(const history_ptr& follow, uint64_t seq);

} // namespace ocw::net
