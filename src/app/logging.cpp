#include "app/logging.hpp"

#include "app/log_line.hpp"
#include "messages/log_sink.hpp"
#include "ocw/errors.hpp"
#include "ocw/ids.hpp"
#include "process/unique_fd.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
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

static_assert(static_cast<int>(log::severity::trace) == spdlog::level::trace);
static_assert(static_cast<int>(log::severity::error) == spdlog::level::err);
static_assert(static_cast<int>(log::severity::error)
              == static_cast<int>(log_level::error));

/// Makes the lines that the settings ask for, and gives them to spdlog.
class line_maker final : public log::sink {
public:
  line_maker(std::shared_ptr<line_sink> to, log_format format, bool colored)
    : logger_("opencode-worker", std::move(to)),
      format_(format),
      colored_(colored) {
    // `ocw::log` has decided already which lines are written.
    logger_.set_level(spdlog::level::trace);
  }

  void write(log::severity level, std::string_view event, log::about whom,
             std::string_view sentence) override {
    // Its memory is kept for the next line of this thread.
    thread_local auto text = std::string{};
    text.clear();
    const auto line = log_line{now_unix_ms(), level, event, whom, sentence};
    if (format_ == log_format::json)
      append_json_line(text, line);
    else
      append_pretty_line(text, line, colored_);
    logger_.log(static_cast<spdlog::level::level_enum>(level),
                spdlog::string_view_t{text});
  }

private:
  spdlog::logger logger_;
  log_format format_;
  bool colored_;
};

/// The one descriptor behind all of them. Never destroyed: other threads may
/// log while the process ends.
const std::shared_ptr<line_sink>& descriptor() {
  static auto* const instance
    = new std::shared_ptr<line_sink>{std::make_shared<line_sink>()};
  return *instance;
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

caf::error set_up_logging(const logging_config& settings) {
  const auto problem
    = descriptor()->use(settings.output, settings.log_file_path);
  if (problem != 0)
    return make_error(ec::invalid_request,
                      "cannot write the log file '" + settings.log_file_path
                        + "': " + text_of(problem),
                      "logging.log_file_path");
  log::set_sink(std::make_unique<line_maker>(descriptor(), settings.format,
                                             wants_color(settings.output)));
  log::set_level(static_cast<log::severity>(settings.level));
  return {};
}

void reopen_log() {
  const auto path = descriptor()->path();
  if (path.empty())
    return;
  if (const auto problem = descriptor()->use(log_output::to_file, path);
      problem != 0)
    log::warn("log.reopen_failed", {},
              "cannot open '{}' again, so the old file stays in use: {}", path,
              text_of(problem));
}

} // namespace ocw
