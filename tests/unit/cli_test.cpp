#include "app/cli_parser.hpp"
#include "app/completions.hpp"
#include "app/exit_codes.hpp"
#include "app/table.hpp"
#include "app/version.hpp"

#include "support/catch.hpp"
#include "support/texts.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <fstream>
#include <map>
#include <sstream>

using namespace ocw;
using test::has;

namespace {

cli_outcome parse(std::vector<std::string> words, cli_values& values) {
  return parse_command_line(words, values);
}

cli_outcome parse(std::vector<std::string> words) {
  auto values = cli_values{};
  return parse_command_line(words, values);
}

job_result ended(job_status status, reason_code code, int32_t exit_code) {
  auto result = job_result{};
  result.status = status;
  result.exit_code = exit_code;
  result.reason = end_reason{code, "because", {}};
  return result;
}

std::string file_text(const std::string& path) {
  auto file = std::ifstream{std::string{OCW_SOURCE_DIR} + "/" + path};
  auto text = std::ostringstream{};
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> command_names() {
  auto values = cli_values{};
  auto result = std::vector<std::string>{};
  const auto program = make_parser(values);
  for (const auto* command : program->get_subcommands({}))
    result.push_back(command->get_name());
  return result;
}

} // namespace

// -- parsing ------------------------------------------------------------------

TEST_CASE("the words behind -- are the job's, whatever they look like") {
  auto values = cli_values{};
  const auto outcome = parse(
    {"run", "--limits.memory=64MB", "--", "ls", "--json", "--", "-l"}, values);
  CHECK(outcome.command == "run");
  CHECK(values.request.argv
        == std::vector<std::string>{"ls", "--json", "--", "-l"});
  CHECK_FALSE(values.json);
}

TEST_CASE("words without -- are refused with the way to say it") {
  const auto outcome = parse({"run", "echo", "hi"});
  CHECK(outcome.command.empty());
  CHECK(outcome.exit_code == exit_usage);
  CHECK(has(outcome.text, "behind --"));
}

TEST_CASE("settings are flags of every command, in both spellings") {
  auto values = cli_values{};
  const auto outcome = parse({"--worker.concurrency=2", "run", "--api.port",
                              "3001", "--state_dir=/s", "--config", "my.json",
                              "--config.network=open", "--", "true"},
                             values);
  CHECK(outcome.command == "run");
  const auto given = std::map<std::string, std::string>{values.settings.begin(),
                                                        values.settings.end()};
  CHECK(given
        == std::map<std::string, std::string>{{"worker.concurrency", "2"},
                                              {"api.port", "3001"},
                                              {"state_dir", "/s"}});
  CHECK(values.config_file == "my.json");
  CHECK(values.request.scalars
        == std::vector<std::pair<std::string, std::string>>{
          {"config.network", "open"}});
}

TEST_CASE("an equals sign with nothing behind it is an empty value") {
  auto values = cli_values{};
  CHECK(
    parse({"submit", "--command=", "--metadata=", "--label", "a=b", "--label="},
          values)
      .exit_code
    == 0);
  CHECK(values.request.scalars
        == std::vector<std::pair<std::string, std::string>>{{"command", ""}});
  CHECK(values.request.metadata.empty());
  CHECK(values.request.labels == std::vector<std::string>{"a=b", ""});
  auto others = cli_values{};
  CHECK(parse({"status", "--url=", "job"}, others).exit_code == 0);
  CHECK(others.url.empty());
  CHECK(others.job_id == "job");
  CHECK(parse({"ls", "--no-such-flag="}).exit_code == exit_usage);
}

TEST_CASE("of a setting that is given twice the last counts") {
  auto values = cli_values{};
  CHECK(parse({"serve", "--api.port=1", "--api.port=2"}, values).command
        == "serve");
  CHECK(values.settings
        == std::vector<std::pair<std::string, std::string>>{{"api.port", "2"}});
}

TEST_CASE("an unknown flag is answered with the nearest one") {
  const auto request = parse({"run", "--limits.memroy=1GB", "--", "true"});
  CHECK(request.exit_code == exit_usage);
  CHECK(has(request.text, "unknown flag --limits.memroy"));
  CHECK(has(request.text, "did you mean --limits.memory?"));
  const auto setting = parse({"ls", "--api.prot", "3001"});
  CHECK(has(setting.text, "did you mean --api.port?"));
  // The flag is what is wrong, not that the id seems to be missing.
  CHECK(has(parse({"status", "--jsno"}).text, "did you mean --json?"));
}

TEST_CASE("an unknown command is answered with the nearest one") {
  const auto outcome = parse({"stauts", "a"});
  CHECK(outcome.exit_code == exit_usage);
  CHECK(has(outcome.text, "there is no command 'stauts'; did you mean status"));
  CHECK(parse({}).exit_code == exit_usage);
}

TEST_CASE("a job may be called like a command") {
  auto values = cli_values{};
  CHECK(parse({"status", "run"}, values).command == "status");
  CHECK(values.job_id == "run");
}

TEST_CASE("a flag that repeats takes one value each time") {
  auto values = cli_values{};
  const auto outcome
    = parse({"artifacts", "--to", "out", "build-42", "report.html"}, values);
  CHECK(outcome.command == "artifacts");
  CHECK(values.path == "report.html");
  auto request = cli_values{};
  parse({"submit", "--env", "A=[1]", "--env", "B=2", "--label", "x=y", "--",
         "true"},
        request);
  CHECK(request.request.env == std::vector<std::string>{"A=[1]", "B=2"});
  CHECK(request.request.labels == std::vector<std::string>{"x=y"});
}

TEST_CASE("help goes to stdout with examples, for each command") {
  for (const auto& name : command_names()) {
    const auto outcome = parse({name, "--help"});
    INFO(name);
    CHECK(outcome.exit_code == exit_ok);
    CHECK(has(outcome.text, "Examples:\n  opencode-worker " + name));
    CHECK(has(outcome.text, "--json"));
  }
  CHECK(has(parse({"--help"}).text, "Examples:"));
  CHECK(parse({"--version"}).text
        == "opencode-worker " + std::string{version_text} + "\n");
}

// -- exit codes ---------------------------------------------------------------

TEST_CASE("a job's own exit code passes through") {
  CHECK(exit_code_of(ended(job_status::finished, reason_code::none, 0)) == 0);
  CHECK(exit_code_of(ended(job_status::failed, reason_code::exit_nonzero, 7))
        == 7);
  CHECK(exit_code_of(ended(job_status::failed, reason_code::signal, 139))
        == 139);
  CHECK(exit_code_of(ended(job_status::failed, reason_code::memory_limit, 137))
        == 137);
}

TEST_CASE("ends that are not the job's own have codes of their own") {
  using enum reason_code;
  for (const auto reason : {reason_code::timeout, queue_timeout, idle_timeout})
    CHECK(exit_code_of(ended(job_status::timeout, reason, 143)) == 124);
  CHECK(exit_code_of(ended(job_status::cancelled, cancelled, 143)) == 130);
  CHECK(exit_code_of(ended(job_status::failed, policy_denied, -1)) == 126);
  for (const auto reason : {isolation_unavailable, worker_lost, launcher_lost,
                            prepare_failed, reason_code::internal})
    CHECK(exit_code_of(ended(job_status::failed, reason, -1)) == 125);
  // A limit that struck before the process had an exit code.
  CHECK(exit_code_of(ended(job_status::failed, output_limit, -1)) == 1);
  CHECK(exit_code_of(ended(job_status::failed, disk_limit, 143)) == 143);
}

TEST_CASE("an error says whether the node or the operation failed") {
  const auto gone = unreachable("connection refused");
  const auto missing = make_error(ec::not_found, "no such job");
  CHECK(exit_code_of_command(gone) == 125);
  CHECK(exit_code_of_command(missing) == 1);
  CHECK(exit_code_of_run(gone) == 125);
  CHECK(exit_code_of_run(make_error(ec::limit_exceeded, "too much")) == 2);
  CHECK(exit_code_of_run(make_error(ec::policy_denied, "no")) == 126);
}

// -- tables -------------------------------------------------------------------

TEST_CASE("columns are as wide as their widest cell in characters") {
  auto lines = table{{"JOB", "STATUS", "REASON"}};
  lines.add({"grün", "failed", "-"});
  lines.add({"a-long-one", "ok", ""});
  CHECK(lines.text(false)
        == "JOB         STATUS  REASON\n"
           "grün        failed  -\n"
           "a-long-one  ok\n");
  CHECK(lines.text(true).starts_with("\x1b[1mJOB "));
}

TEST_CASE("nothing a job says can move the cursor of a terminal") {
  CHECK(printable("a\x1b[2Jb\nc\x7f") == "a?[2Jb c?");
  CHECK(printable("x\xC2\x9By") == "x?y");
  CHECK(printable("\xFF") == "\xEF\xBF\xBD");
}

TEST_CASE("times and sizes are short") {
  CHECK(duration_text(850) == "850 ms");
  CHECK(duration_text(1432) == "1.4 s");
  CHECK(duration_text(59999) == "59.9 s");
  CHECK(duration_text(200000) == "3m 20s");
  CHECK(duration_text(7500000) == "2h 5m");
  CHECK(age_text(-5) == "0s");
  CHECK(age_text(180000) == "3m");
  CHECK(size_text(512) == "512 B");
  CHECK(size_text(1536) == "1.5 KiB");
  CHECK(size_text(uint64_t{20} << 20) == "20 MiB");
}

// -- what is written beside the program ---------------------------------------

TEST_CASE("every command is in the man page and in each completion script") {
  auto values = cli_values{};
  const auto program = make_parser(values);
  const auto page = file_text("docs/opencode-worker.1");
  for (const auto& name : command_names()) {
    INFO(name);
    CHECK(has(page, "\n.B " + name + "\n"));
    for (const auto* shell : {"bash", "zsh", "fish"})
      CHECK(has(completion_script(*program, shell), name));
  }
  CHECK(has(completion_script(*program, "bash"), "--limits.memory="));
  CHECK(has(completion_script(*program, "fish"), "-l limits.memory -r"));
  CHECK(completion_script(*program, "tcsh").empty());
}

TEST_CASE("the version is the one of the build") {
  CHECK(has(file_text("CMakeLists.txt"),
            "VERSION " + std::string{version_text} + " "));
  CHECK(has(file_text("docs/opencode-worker.1"), version_text));
}
