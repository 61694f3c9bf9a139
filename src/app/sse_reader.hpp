#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace ocw {

/// One Server-Sent Event.
struct sse_event {
  std::string id;
  std::string type; ///< of the `event` field
  std::string data; ///< lines joined by a line feed
};

/// Takes an event stream apart, however it was cut on its way.
class sse_reader {
public:
  /// False: no more events are wanted.
  using event_function = std::function<bool(const sse_event&)>;

  /// Hands every event that `piece` completes to `each`. False once `each`
  /// said so.
  bool feed(std::string_view piece, const event_function& each);

private:
  bool take_line(std::string_view line, const event_function& each);
  void take_field(std::string_view name, std::string_view value);

  std::string pending_; ///< of a line that is not complete
  sse_event event_;
  bool has_data_ = false;
};

} // namespace ocw
