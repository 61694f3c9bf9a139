#include "app/artifact_saver.hpp"
#include "app/commands.hpp"
#include "app/console.hpp"
#include "app/event_follower.hpp"
#include "app/exit_codes.hpp"
#include "app/interrupts.hpp"
#include "app/node_answer.hpp"
#include "app/stdin_pump.hpp"

#include <spdlog/fmt/fmt.h>

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

namespace ocw {

namespace {

constexpr auto cancel_attempts = 10;
constexpr auto cancel_pause = std::chrono::milliseconds{200};

/// Asks for a job to be stopped, again while the node cannot be reached.
void cancel_job_at(http_client node, const std::string& job_id,
                   const std::string& reason) {
  const auto call = http_call{.method = "POST",
                              .target = job_target(job_id, "/cancel"),
                              .body = nlohmann::json{{"reason", reason}}.dump(),
                              .patience = std::chrono::milliseconds{5000}};
  for (auto i = 0; i < cancel_attempts; ++i) {
    const auto answer = node.request(call);
    if (answer && answer->status < 500)
      return;
    std::this_thread::sleep_for(cancel_pause);
  }
  complain("the job could not be cancelled; it may still run");
}

/// Tells at a terminal that a job waits, should it do so for long, unless it
/// is destroyed before.
class waiting_notice {
public:
  explicit waiting_notice(std::string job_id)
    : thread_([this, id = std::move(job_id)](std::stop_token stop) {
        auto lock = std::unique_lock{guard_};
        const auto over = wake_.wait_for(
          lock, stop, patience, [&stop] { return stop.stop_requested(); });
        if (!over)
          complain("job " + id + " waits for room; 'opencode-worker why " + id
                   + "' says why");
      }) {}

private:
  static constexpr auto patience = std::chrono::seconds{2};

  std::mutex guard_;
  std::condition_variable_any wake_;
  std::jthread thread_; // last: it uses the others
};

/// One job that is run as if it ran here.
class job_run {
public:
  job_run(http_client& node, const cli_values& values, built_request request)
    : node_(node), values_(values), request_(std::move(request)) {}

  int run(interrupts& signals) {
    if (auto err = submit())
      return complain(err, exit_code_of_run(err));
    signals.watch([this](int number) {
      cancel_job_at(
        node_.another(), request_.job_id,
        fmt::format("interrupted by SIG{}", ::sigabbrev_np(number)));
    });
    if (::isatty(STDERR_FILENO) == 1)
      notice_.emplace(request_.job_id);
    const auto err
      = follow_events(node_, request_.job_id, {},
                      [this](const job_event& event) { return take(event); });
    notice_.reset();
    pump_.reset();
    if (err)
      return complain(err, exit_system_failed);
    return finish();
  }

private:
  caf::error submit() {
    const auto call = http_call{
      .method = "POST", .target = "/v1/jobs", .body = request_.json};
    auto text = ask_text(node_, call);
    return text ? caf::error{} : std::move(text.error());
  }

  bool take(const job_event& event) {
    if (event.status && event.status->at_phase == phase::execute) {
      notice_.reset();
      feed();
    }
    if (event.output)
      write(*event.output);
    if (event.result)
      result_ = event.result;
    return true;
  }

  void feed() {
    if (!pump_ && !request_.has_stdin && kind_of_stdin() == input_kind::stream)
      pump_.emplace(node_.another(), request_.job_id);
  }

  void write(const output_chunk& chunk) {
    if (values_.json || reader_left_)
      return;
    const auto is_out = chunk.stream == output_stream::out;
    const auto problem
      = write_fully(is_out ? STDOUT_FILENO : STDERR_FILENO, chunk.chunk);
    if (problem == 0)
      return;
    // As a program that writes into a closed pipe, the job ends.
    reader_left_ = true;
    cancel_job_at(
      node_.another(), request_.job_id,
      fmt::format("nobody reads its {} any more", word_of(chunk.stream)));
  }

  int finish() {
    auto code = exit_code_of(*result_);
    if (!values_.artifacts_to.empty())
      if (auto err = save())
        code = complain(err, code == exit_ok ? exit_system_failed : code);
    if (values_.json) {
      const auto text
        = ask_text(node_, {.target = job_target(request_.job_id, "/output")});
      if (!text)
        return complain(text.error(), exit_system_failed);
      print(*text + '\n');
    }
    tell_end();
    return code;
  }

  caf::error save() {
    auto list = list_artifacts(node_, request_.job_id);
    return list ? save_artifacts(node_, request_.job_id, *list,
                                 values_.artifacts_to)
                : std::move(list.error());
  }

  /// What the exit code cannot say. A program's own failure needs no words of
  /// ours between its own.
  void tell_end() const {
    const auto reason = result_->reason.value_or(end_reason{});
    if (result_->status == job_status::finished
        || reason.code == reason_code::exit_nonzero || reader_left_)
      return;
    const auto verb = result_->status == job_status::timeout ? "timed out"
                      : result_->status == job_status::cancelled
                        ? "was cancelled"
                        : "failed";
    auto message = std::string_view{reason.message};
    if (message.empty())
      message = word_of(reason.code);
    if (message.starts_with("cancelled: "))
      message.remove_prefix(11); // the verb says so
    auto line = fmt::format("job {} {}: {}", request_.job_id, verb, message);
    if (!reason.hint.empty())
      line += fmt::format(" ({})", reason.hint);
    complain(line);
  }

  http_client& node_;
  const cli_values& values_;
  built_request request_;
  std::optional<waiting_notice> notice_;
  std::optional<stdin_pump> pump_;
  std::optional<job_result> result_;
  bool reader_left_ = false;
};

} // namespace

int command_run(const node_source& find_node, const cli_values& values) {
  const auto otherwise = kind_of_stdin() == input_kind::stream
                           ? stdin_default::open
                           : stdin_default::empty;
  auto request = build_request(values.request, otherwise);
  if (!request)
    return complain(request.error(), exit_usage);
  auto node = find_node();
  if (!node)
    return complain(node.error(), exit_code_of_run(node.error()));
  // Reading from the terminal in the background is an error then, not a stop.
  ::signal(SIGTTIN, SIG_IGN);
  auto signals = interrupts{std::move(node->kill_jobs)};
  return job_run{node->client, values, std::move(*request)}.run(signals);
}

} // namespace ocw
