#include "app/logging.hpp"

#include "app/log_line.hpp"
#include "ocw/errors.hpp"
#include "ocw/ids.hpp"
#include "process/unique_fd.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <system_error>

namespace ocw {

namespace {

/// A reader of our output that stands still may hold a line up this long; then
/// the line is lost, and the node goes on.
constexpr auto patience_ms = 1000;

/// Writes whole lines to a file descriptor, each with one system call and
/// nothing kept back, so that a crash loses no line and no thread is needed.
/// The descriptor may be changed at any time.
class line_sink final : public spdlog::sinks::base_sink<std::mutex> {
public:
  /// Uses standard output or error, or the file at `path`. An errno, and no
  /// change, when that cannot be opened.
  int use(log_output output, const std::string& path) {
    auto opened = unique_fd{};
    if (output == log_output::to_file) {
      opened = open_file(path);
      if (!opened)
        return errno;
    }
    const auto lock = std::lock_guard{mutex_};
    fd_ = output == log_output::to_stdout   ? STDOUT_FILENO
          : output == log_output::to_stderr ? STDERR_FILENO
                                            : opened.get();
    owned_ = std::move(opened);
    path_ = output == log_output::to_file ? path : std::string{};
    return 0;
  }

  /// The path of the file in use; empty: none.
  std::string path() {
    const auto lock = std::lock_guard{mutex_};
    return path_;
  }

private:
  static unique_fd open_file(const std::string& path) {
    return unique_fd{
      ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY,
             0600)};
  }

  void sink_it_(const spdlog::details::log_msg& msg) override {
    auto rest = std::string_view{msg.payload.data(), msg.payload.size()};
    while (!rest.empty()) {
      const auto n = ::write(fd_, rest.data(), rest.size());
      if (n > 0)
        rest.remove_prefix(static_cast<size_t>(n));
      else if (n < 0 && errno == EAGAIN && wait_for_room())
        continue;
      else if (n == 0 || errno != EINTR)
        return; // a full disk or a closed pipe: there is nobody to tell
    }
  }

  void flush_() override {
    // nop: nothing is kept back
  }

  bool wait_for_room() const {
    auto entry = pollfd{fd_, POLLOUT, 0};
    return ::poll(&entry, 1, patience_ms) > 0;
  }

  int fd_ = STDERR_FILENO;
  unique_fd owned_;
  std::string path_;
};

struct log_state {
  std::shared_ptr<line_sink> sink = std::make_shared<line_sink>();
  spdlog::logger logger{"opencode-worker", sink};
  std::atomic<log_format> format = log_format::json;
  std::atomic<bool> colored = false;

  log_state() {
    // `ocw::log` has decided already which lines are written.
    logger.set_level(spdlog::level::trace);
  }
};

/// Never destroyed: other threads may log while the process ends.
log_state& state() {
  static auto* const instance = new log_state;
  return *instance;
}

spdlog::level::level_enum level_of(log::severity level) {
  return static_cast<spdlog::level::level_enum>(level);
}

static_assert(static_cast<int>(log::severity::trace) == spdlog::level::trace);
static_assert(static_cast<int>(log::severity::error) == spdlog::level::err);
static_assert(static_cast<int>(log::severity::error)
              == static_cast<int>(log_level::error));

void write_line(log::severity level, std::string_view event, log::about whom,
                std::string_view sentence) {
  try {
    // Its memory is kept for the next line of this thread.
    thread_local auto text = std::string{};
    text.clear();
    auto& out = state();
    const auto line = log_line{now_unix_ms(), level, event, whom, sentence};
    if (out.format.load(std::memory_order_relaxed) == log_format::json)
      append_json_line(text, line);
    else
      append_pretty_line(text, line,
                         out.colored.load(std::memory_order_relaxed));
    out.logger.log(level_of(level), spdlog::string_view_t{text});
  } catch (const std::exception&) {
    // A line that cannot be made is lost; the program goes on.
  }
}

bool wants_color(log_output output) {
  if (output == log_output::to_file)
    return false;
  const auto* no_color = std::getenv("NO_COLOR");
  return (no_color == nullptr || *no_color == '\0')
         && ::isatty(output == log_output::to_stdout ? STDOUT_FILENO
                                                     : STDERR_FILENO)
              == 1;
}

std::string text_of(int problem) {
  return std::generic_category().message(problem);
}

} // namespace

caf::error start_logging(const logging_config& settings) {
  auto& out = state();
  const auto problem = out.sink->use(settings.output, settings.log_file_path);
  if (problem != 0)
    return make_error(ec::invalid_request,
                      "cannot write the log file '" + settings.log_file_path
                        + "': " + text_of(problem),
                      "logging.log_file_path");
  out.format = settings.format;
  out.colored = wants_color(settings.output);
  log::set_writer(static_cast<log::severity>(settings.level), &write_line);
  return {};
}

void reopen_log() {
  auto& sink = *state().sink;
  const auto path = sink.path();
  if (path.empty())
    return;
  if (const auto problem = sink.use(log_output::to_file, path); problem != 0)
    log::warn("log.reopen_failed", {},
              "cannot open '{}' again, so the old file stays in use: {}", path,
              text_of(problem));
}

void stop_logging() {
  log::set_writer(log::severity::warn, nullptr);
  state().sink->use(log_output::to_stderr, {});
}

} // namespace ocw
