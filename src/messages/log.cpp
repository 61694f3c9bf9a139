#include "messages/log.hpp"

#include "messages/log_sink.hpp"

#include <unistd.h>

#include <atomic>
#include <exception>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace ocw::log {

namespace {

/// Before there is another: warnings and errors, for people.
class stderr_sink final : public sink {
public:
  void write(severity level, std::string_view event, about whom,
             std::string_view sentence) override {
    const auto line = fmt::format(
      "{}: {}: {}{}{}{}{}\n", level == severity::error ? "error" : "warning",
      event, sentence, whom.job.empty() ? "" : " job=", whom.job,
      whom.session.empty() ? "" : " session=", whom.session);
    // One call, so that lines of several threads do not mix.
    [[maybe_unused]] const auto written
      = ::write(STDERR_FILENO, line.data(), line.size());
  }
};

/// Every sink there ever was; a handful, since one is made per start.
struct sink_store {
  std::mutex mutex;
  std::vector<std::unique_ptr<sink>> all;
};

/// Never destroyed: other threads may log while the process ends.
sink_store& store() {
  static auto* const instance = new sink_store;
  return *instance;
}

std::atomic<severity> least = severity::warn;
std::atomic<sink*> current = nullptr;

sink& sink_in_use() {
  if (auto* const found = current.load(std::memory_order_acquire))
    return *found;
  static auto* const first = new stderr_sink;
  return *first;
}

} // namespace

bool enabled(severity level) {
  return level >= least.load(std::memory_order_relaxed);
}

void write(severity level, std::string_view event, about whom,
           std::string_view sentence) {
  if (!enabled(level))
    return;
  try {
    sink_in_use().write(level, event, whom, sentence);
  } catch (const std::exception&) {
    // A line that cannot be made is lost; the program goes on.
  }
}

void set_level(severity level) {
  least.store(level, std::memory_order_relaxed);
}

void set_sink(std::unique_ptr<sink> to) {
  auto& kept = store();
  const auto lock = std::lock_guard{kept.mutex};
  current.store(to.get(), std::memory_order_release);
  kept.all.push_back(std::move(to));
}

} // namespace ocw::log
