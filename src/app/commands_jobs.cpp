#include "app/commands.hpp"
#include "app/console.hpp"
#include "app/exit_codes.hpp"
#include "app/node_answer.hpp"
#include "app/table.hpp"
#include "messages/json_reader.hpp"
#include "net/bodies.hpp"
#include "ocw/ids.hpp"
#include "ocw/messages/listing.hpp"

#include <spdlog/fmt/fmt.h>

#include <cmath>

namespace ocw {

int fail(const caf::error& err) {
  return complain(err, exit_code_of_command(err));
}

namespace {

constexpr auto reply_options = read_options{.ignore_unknown = true};

/// Reads an answer, or tells why that did not work.
template <class T>
caf::expected<T> read_answer(const std::string& text) {
  auto result = read_json<T>(text, reply_options);
  if (!result)
    return make_error(ec::internal, "the node's answer cannot be read: "
                                      + sentence_of(result.error()));
  return result;
}

/// Prints an answer as it came, or as `show` words it.
template <class T, class Show>
int answer(http_client& node, const cli_values& values, const http_call& call,
           Show show) {
  const auto text = ask_text(node, call);
  if (!text)
    return fail(text.error());
  if (values.json)
    return print(*text + '\n');
  auto read = read_answer<T>(*text);
  return read ? print(show(*read)) : fail(read.error());
}

http_call get(std::string target) {
  return {.target = std::move(target)};
}

// -- words --------------------------------------------------------------------

/// How long a job has run, or ran.
std::string run_time(const job_state& job) {
  if (job.started_at.unix_ms == 0)
    return "-";
  const auto end
    = job.finished_at.unix_ms != 0 ? job.finished_at.unix_ms : now_unix_ms();
  const auto passed = std::max(end - job.started_at.unix_ms, int64_t{0});
  return duration_text(static_cast<uint64_t>(passed));
}

bool has_reason(const job_state& job) {
  return job.reason && job.reason->code != reason_code::none;
}

std::string show_page(const job_page& page) {
  auto lines = table{{"JOB ID", "STATUS", "AGE", "DURATION", "REASON"}};
  for (const auto& job : page.jobs)
    lines.add({job.job_id, to_string(job.status),
               age_text(now_unix_ms() - job.created_at.unix_ms), run_time(job),
               has_reason(job) ? to_string(job.reason->code) : "-"});
  return lines.text(may_color());
}

void add_moment(std::string& out, std::string_view name, timestamp when) {
  if (when.unix_ms != 0)
    out += fmt::format("{:<11}{}\n", name, iso_time(when.unix_ms));
}

std::string show_state(const job_state& job) {
  auto out = fmt::format("{:<11}{}\n{:<11}{}", "job", job.job_id, "status",
                         word_of(job.status));
  if (job.at_phase && !is_terminal(job.status))
    out += fmt::format(" ({})", word_of(*job.at_phase));
  out += '\n';
  if (has_reason(job)) {
    out
      += fmt::format("{:<11}{} ({})\n", "reason",
                     printable(job.reason->message), word_of(job.reason->code));
    if (!job.reason->hint.empty())
      out += fmt::format("{:<11}{}\n", "hint", printable(job.reason->hint));
  }
  if (!job.session_id.empty())
    out += fmt::format("{:<11}{}\n", "session", printable(job.session_id));
  if (!job.worker_id.empty())
    out += fmt::format("{:<11}{}\n", "worker", printable(job.worker_id));
  add_moment(out, "created", job.created_at);
  add_moment(out, "started", job.started_at);
  add_moment(out, "finished", job.finished_at);
  out += fmt::format("{:<11}{}\n", "duration", run_time(job));
  for (const auto& [key, value] : job.labels)
    out += fmt::format("{:<11}{}={}\n", "label", printable(key),
                       printable(value));
  return out;
}

std::string show_why(const net::why_report& report) {
  auto out = fmt::format("job {} is {}\n", printable(report.job_id),
                         word_of(report.status));
  for (const auto& step : report.chain) {
    out += fmt::format("  - {}\n", printable(step.what));
    if (!step.evidence.empty())
      out += fmt::format("    {}\n", printable(step.evidence));
  }
  if (!report.advice.empty())
    out += fmt::format("what to do: {}\n", printable(report.advice));
  return out;
}

/// What `submit` prints when it waited and the job ended.
int show_submitted(const std::string& text, const std::string& job_id,
                   const cli_values& values) {
  if (values.json)
    return print(text + '\n');
  if (values.wait_s < 0)
    return print(job_id + '\n');
  const auto state = parse_json(text);
  const auto status = state && state->is_object() && state->contains("status")
                          && (*state)["status"].is_string()
                        ? (*state)["status"].get<std::string>()
                        : std::string{"unknown"};
  return print(fmt::format("{}  {}\n", job_id, printable(status)));
}

std::string list_target(const cli_values& values) {
  auto target = fmt::format("/v1/jobs?limit={}", values.limit);
  if (!values.status.empty())
    target += "&status=" + percent_encoded(values.status);
  for (const auto& label : values.labels)
    target += "&label=" + percent_encoded(label);
  if (!values.cursor.empty())
    target += "&cursor=" + percent_encoded(values.cursor);
  return target;
}

} // namespace

int command_submit(http_client& node, const cli_values& values) {
  const auto request = build_request(values.request, stdin_default::unsaid);
  if (!request)
    return complain(request.error(), exit_usage);
  auto call
    = http_call{.method = "POST", .target = "/v1/jobs", .body = request->json};
  if (values.wait_s >= 0) {
    call.target += fmt::format("?wait={:g}", values.wait_s);
    call.patience
      += std::chrono::milliseconds{std::llround(values.wait_s * 1000)};
  }
  const auto text = ask_text(node, call);
  return text ? show_submitted(*text, request->job_id, values)
              : fail(text.error());
}

int command_status(http_client& node, const cli_values& values) {
  return answer<job_state>(node, values, get(job_target(values.job_id)),
                           &show_state);
}

int command_ls(http_client& node, const cli_values& values) {
  auto next = std::string{};
  const auto result = answer<job_page>(node, values, get(list_target(values)),
                                       [&](const job_page& page) {
                                         next = page.next_cursor;
                                         return show_page(page);
                                       });
  if (result == exit_ok && !next.empty())
    complain("there are older jobs; see them with --cursor=" + next);
  return result;
}

int command_cancel(http_client& node, const cli_values& values) {
  auto body = nlohmann::json::object();
  if (!values.reason.empty())
    body["reason"] = values.reason;
  auto text = std::string{};
  try {
    text = body.dump();
  } catch (const nlohmann::json::exception&) {
    complain("--reason is not UTF-8");
    return exit_usage;
  }
  const auto call = http_call{.method = "POST",
                              .target = job_target(values.job_id, "/cancel"),
                              .body = std::move(text)};
  return answer<job_state>(node, values, call, [](const job_state& job) {
    return is_terminal(job.status)
             ? fmt::format("job {} is {}\n", job.job_id, word_of(job.status))
             : fmt::format("job {} is being cancelled\n", job.job_id);
  });
}

int command_why(http_client& node, const cli_values& values) {
  return answer<net::why_report>(
    node, values, get(job_target(values.job_id, "/why")), &show_why);
}

} // namespace ocw
