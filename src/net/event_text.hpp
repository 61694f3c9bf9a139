#pragma once

#include "ocw/messages/output.hpp"
#include "store/history.hpp"

#include <caf/expected.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace ocw::net {

/// One event of a history as the JSON every channel sends. Good until the next
/// call of `text_of_event`.
class event_text {
public:
  explicit event_text(const job_event& event)
    : type_(event.type), event_(&event) {}
  event_text(event_type type, const std::string& json)
    : type_(type), json_(&json) {}

  event_type type() const { return type_; }

  /// Appends the JSON, rendering it if that was not done yet.
  void append_to(std::string& out) const;

private:
  event_type type_;
  const job_event* event_ = nullptr; ///< to be rendered, or
  const std::string* json_ = nullptr;
};

/// True when an event of this type is the last of its job.
constexpr bool is_last(event_type type) {
  return type == event_type::job_complete || type == event_type::job_error;
}

/// Reads event `seq` of `follow`; nullopt when it has not happened yet, an
/// error when the spool is damaged there. To be called on one thread, the I/O
/// thread.
///
/// A text goes from the spool straight to where it is sent from, unless it is
/// asked for again soon: then, within a bound, it is kept, so that many
/// followers at the same place cost hardly more than one.
caf::expected<std::optional<event_text>>
text_of_event(const history_ptr& follow, uint64_t seq);

} // namespace ocw::net
