#include "app/artifact_saver.hpp"
#include "app/commands.hpp"
#include "app/console.hpp"
#include "app/event_follower.hpp"
#include "app/exit_codes.hpp"
#include "app/node_answer.hpp"
#include "app/table.hpp"
#include "messages/json_reader.hpp"
#include "process/unique_fd.hpp"

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>

namespace ocw {

namespace {

// -- logs ---------------------------------------------------------------------

/// How many bytes of each stream there are by now.
struct stream_sizes {
  uint64_t out = 0;
  uint64_t err = 0;
};

caf::expected<uint64_t> size_of_stream(http_client& node,
                                       const std::string& job_id,
                                       std::string_view stream) {
  auto call = http_call{.method = "HEAD"};
  call.target = job_target(job_id, "/logs?stream=") + std::string{stream};
  const auto answer = node.request(call);
  if (!answer)
    return answer.error();
  // The answer to HEAD has no body to say why, so the job is asked for.
  if (!answer->ok()) {
    auto state = ask_text(node, {.target = job_target(job_id)});
    return state ? refusal_of(*answer) : state.error();
  }
  const auto text = answer->header("Content-Length");
  auto size = uint64_t{0};
  std::from_chars(text.data(), text.data() + text.size(), size);
  return size;
}

caf::expected<stream_sizes> sizes_of(http_client& node,
                                     const std::string& job_id) {
  const auto out = size_of_stream(node, job_id, "stdout");
  if (!out)
    return out.error();
  const auto err = size_of_stream(node, job_id, "stderr");
  if (!err)
    return err.error();
  return stream_sizes{*out, *err};
}

/// Writes both streams to where they belong, in the order of the job's
/// history, until `until` of each is there.
class log_printer {
public:
  explicit log_printer(stream_sizes until) : left_(until) {}

  bool take(const job_event& event) {
    if (event.type != event_type::job_output)
      return wants_more();
    const auto& chunk = *event.output;
    const auto is_out = chunk.stream == output_stream::out;
    auto bytes = std::string_view{chunk.chunk};
    auto& left = is_out ? left_.out : left_.err;
    bytes = bytes.substr(0, std::min<uint64_t>(bytes.size(), left));
    left -= bytes.size();
    problem_ = write_fully(is_out ? STDOUT_FILENO : STDERR_FILENO, bytes);
    return problem_ == 0 && wants_more();
  }

  bool wants_more() const { return left_.out > 0 || left_.err > 0; }
  int problem() const { return problem_; }

private:
  stream_sizes left_;
  int problem_ = 0;
};

int print_both(http_client& node, const cli_values& values) {
  auto until = stream_sizes{UINT64_MAX, UINT64_MAX};
  if (!values.follow) {
    const auto now = sizes_of(node, values.job_id);
    if (!now)
      return fail(now.error());
    until = *now;
  }
  auto printer = log_printer{until};
  if (!printer.wants_more())
    return exit_ok;
  const auto err
    = follow_events(node, values.job_id, {}, [&](const job_event& event) {
        return printer.take(event);
      });
  if (err)
    return fail(err);
  return printer.problem() == 0 ? exit_ok : exit_failed;
}

/// Receives bytes that can be asked for again from any offset.
class resumable_download {
public:
  resumable_download(std::string target, int fd)
    : target_(std::move(target)), fd_(fd) {}

  caf::error run(http_client& node) {
    for (auto failures = 0;;) {
      const auto before = offset_;
      auto call
        = http_call{.target = target_ + "&offset=" + std::to_string(offset_)};
      call.patience = std::chrono::milliseconds{-1};
      const auto answer = node.stream(call, [&](std::string_view piece) {
        offset_ += piece.size();
        problem_ = write_fully(fd_, piece);
        return problem_ == 0;
      });
      if (answer)
        return answer->ok() ? caf::error{} : refusal_of(*answer);
      failures = offset_ > before ? 0 : failures + 1;
      if (offset_ == 0 || failures > 3)
        return answer.error();
    }
  }

  int problem() const { return problem_; }

private:
  std::string target_;
  int fd_;
  uint64_t offset_ = 0;
  int problem_ = 0;
};

int print_one(http_client& node, const cli_values& values) {
  auto download
    = resumable_download{job_target(values.job_id, "/logs?stream=")
                           + values.stream + (values.follow ? "&follow=1" : ""),
                         STDOUT_FILENO};
  if (auto err = download.run(node))
    return fail(err);
  return download.problem() == 0 ? exit_ok : exit_failed;
}

// -- output -------------------------------------------------------------------

int print_texts(const job_result& result) {
  const auto bytes_of = [](const std::optional<lossy_text>& text) {
    return text ? std::string_view{text->bytes} : std::string_view{};
  };
  const auto lost = write_fully(STDOUT_FILENO, bytes_of(result.stdout_text))
                    + write_fully(STDERR_FILENO, bytes_of(result.stderr_text));
  if (result.truncated_in_response)
    complain("this is not all of it; see 'opencode-worker logs " + result.job_id
             + "'");
  return lost == 0 ? exit_ok : exit_failed;
}

// -- artifacts ----------------------------------------------------------------

/// Sends the body of an answer to a file, or to standard output (`-`).
int download_to(http_client& node, const http_call& call,
                const std::string& path) {
  auto target = unique_fd{};
  if (path != "-") {
    target = unique_fd{
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)};
    if (!target) {
      complain("cannot write '" + path + "': " + std::strerror(errno));
      return exit_failed;
    }
  }
  auto problem = 0;
  const auto answer = node.stream(call, [&](std::string_view piece) {
    problem = write_fully(target ? target.get() : STDOUT_FILENO, piece);
    return problem == 0;
  });
  if (problem != 0)
    complain("cannot write '" + path + "': " + std::strerror(problem));
  if (!answer)
    return fail(answer.error());
  if (!answer->ok())
    return fail(refusal_of(*answer));
  return problem == 0 ? exit_ok : exit_failed;
}

int save_some(http_client& node, const cli_values& values) {
  auto list = list_artifacts(node, values.job_id);
  if (!list)
    return fail(list.error());
  if (!values.path.empty()) {
    std::erase_if(*list, [&](const auto& x) { return x.path != values.path; });
    if (list->empty())
      return fail(make_error(ec::not_found, "job " + values.job_id
                                              + " has no artifact '"
                                              + values.path + "'"));
  }
  if (auto err = save_artifacts(node, values.job_id, *list, values.to))
    return fail(err);
  for (const auto& about : *list)
    complain(fmt::format("saved {} ({})", about.path, size_text(about.size)));
  return exit_ok;
}

int print_list(http_client& node, const cli_values& values) {
  if (values.json) {
    const auto text
      = ask_text(node, {.target = job_target(values.job_id, "/artifacts")});
    return text ? print(*text + '\n') : fail(text.error());
  }
  const auto list = list_artifacts(node, values.job_id);
  if (!list)
    return fail(list.error());
  auto lines = table{{"PATH", "SIZE", "SHA256"}};
  for (const auto& about : *list)
    lines.add({about.path, size_text(about.size), about.sha256});
  return print(lines.text(may_color()));
}

} // namespace

int command_logs(http_client& node, const cli_values& values) {
  return values.stream.empty() ? print_both(node, values)
                               : print_one(node, values);
}

int command_output(http_client& node, const cli_values& values) {
  auto call = http_call{.target = job_target(values.job_id, "/output")};
  if (values.wait_s >= 0) {
    call.target += fmt::format("?wait={:g}", values.wait_s);
    call.patience
      += std::chrono::milliseconds{std::llround(values.wait_s * 1000)};
  }
  const auto text = ask_text(node, call);
  if (!text)
    return fail(text.error());
  if (values.json)
    return print(*text + '\n');
  const auto result = read_json<job_result>(*text, {.ignore_unknown = true});
  return result ? print_texts(*result) : fail(result.error());
}

int command_artifacts(http_client& node, const cli_values& values) {
  if (!values.tar.empty())
    return download_to(node,
                       {.target = job_target(values.job_id, "/artifacts.tar")},
                       values.tar);
  if (!values.to.empty())
    return save_some(node, values);
  if (!values.path.empty())
    return download_to(node,
                       {.target = job_target(values.job_id, "/artifacts/")
                                  + percent_encoded(values.path, "/")},
                       "-");
  return print_list(node, values);
}

} // namespace ocw
