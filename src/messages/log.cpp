#include "messages/log.hpp"

#include <unistd.h>

#include <atomic>
#include <exception>
#include <string>

namespace ocw::log {

namespace {

void write_to_stderr(severity level, std::string_view event, about whom,
                     std::string_view sentence) {
  try {
    const auto line = fmt::format(
      "{}: {}: {}{}{}{}{}\n", level == severity::error ? "error" : "warning",
      event, sentence, whom.job.empty() ? "" : " job=", whom.job,
      whom.session.empty() ? "" : " session=", whom.session);
    // One call, so that lines of several threads do not mix.
    [[maybe_unused]] const auto written
      = ::write(STDERR_FILENO, line.data(), line.size());
  } catch (const std::exception&) {
    // A line that cannot be made is lost; the program goes on.
  }
}

std::atomic<severity> least_severity = severity::warn;
std::atomic<writer> current_writer = &write_to_stderr;

} // namespace

bool enabled(severity level) {
  return level >= least_severity.load(std::memory_order_relaxed);
}

void write(severity level, std::string_view event, about whom,
           std::string_view sentence) {
  if (enabled(level))
    current_writer.load(std::memory_order_acquire)(level, event, whom,
                                                   sentence);
}

void set_writer(severity least, writer to) {
  current_writer.store(to != nullptr ? to : &write_to_stderr,
                       std::memory_order_release);
  least_severity.store(least, std::memory_order_relaxed);
}

} // namespace ocw::log
