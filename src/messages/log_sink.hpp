#pragma once

#include "messages/log.hpp"

#include <memory>

namespace ocw::log {

/// Where lines go. Called from any thread, from several at once.
class sink {
public:
  virtual ~sink() = default;
  virtual void write(severity level, std::string_view event, about whom,
                     std::string_view sentence)
    = 0;
};

/// The least severe lines that are written. Any thread.
void set_level(severity level);

/// Takes the place of the sink before, which is kept alive: a thread may be
/// using it. Null: warnings and errors to standard error, as at first.
void set_sink(std::unique_ptr<sink> to);

} // namespace ocw::log
