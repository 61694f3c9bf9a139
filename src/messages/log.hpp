#pragma once

#include <spdlog/fmt/fmt.h>

#include <string_view>
#include <utility>

// The one place through which this project logs. Every line has an event id
// (greppable, dotted), the ids of the job and session it is about, and a
// sentence. Never payloads, never secrets.
namespace ocw::log {

enum class severity : unsigned char { trace, debug, info, warn, error };

/// Which job and session a line is about; empty when none.
struct about {
  std::string_view job = {};
  std::string_view session = {};
};

/// Cheap: an atomic load.
bool enabled(severity level);

/// Writes one line; the sink (log_sink.hpp) decides how and where to. Before
/// there is one, warnings and errors go to standard error. Any thread.
void write(severity level, std::string_view event, about whom,
           std::string_view sentence);

template <class... Ts>
void debug(std::string_view event, about whom, fmt::format_string<Ts...> text,
           Ts&&... values) {
  if (enabled(severity::debug))
    write(severity::debug, event, whom,
          fmt::format(text, std::forward<Ts>(values)...));
}

template <class... Ts>
void info(std::string_view event, about whom, fmt::format_string<Ts...> text,
          Ts&&... values) {
  if (enabled(severity::info))
    write(severity::info, event, whom,
          fmt::format(text, std::forward<Ts>(values)...));
}

template <class... Ts>
void warn(std::string_view event, about whom, fmt::format_string<Ts...> text,
          Ts&&... values) {
  if (enabled(severity::warn))
    write(severity::warn, event, whom,
          fmt::format(text, std::forward<Ts>(values)...));
}

template <class... Ts>
void error(std::string_view event, about whom, fmt::format_string<Ts...> text,
           Ts&&... values) {
  if (enabled(severity::error))
    write(severity::error, event, whom,
          fmt::format(text, std::forward<Ts>(values)...));
}

} // namespace ocw::log
