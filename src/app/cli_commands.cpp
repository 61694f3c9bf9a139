#include "app/cli_flags.hpp"
#include "app/cli_parser.hpp"
#include "app/version.hpp"
#include "ocw/ids.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>

#include <spdlog/fmt/fmt.h>

// All commands with their flags and examples.

namespace ocw {

namespace {

constexpr auto settings_footer
  = "Every setting of a node is a flag too, such as --api.port=3001;\n"
    "'opencode-worker config' shows them all.";

/// Says where the words of a job's command go, which the parser never sees.
class usage_formatter : public CLI::Formatter {
public:
  std::string make_usage(const CLI::App* app, std::string name) const override {
    auto line = CLI::Formatter::make_usage(app, std::move(name));
    const auto& command = app->get_name();
    if (command == "run" || command == "submit")
      line.insert(line.find_last_not_of('\n') + 1, " [-- CMD ARG...]");
    return line;
  }
};

/// What `--help` shows last.
std::string examples(std::string_view lines) {
  return fmt::format("Examples:\n{}\n\n{}", lines, settings_footer);
}

CLI::App& add_command(CLI::App& program, const std::string& name,
                      const std::string& sentence, std::string_view lines) {
  auto& command = *program.add_subcommand(name, sentence);
  command.fallthrough();
  command.allow_extras();
  command.footer(examples(lines));
  return command;
}

void add_job_id(CLI::App& command, cli_values& values) {
  command.add_option("ID", values.job_id, "the job")
    ->required()
    ->check([](const std::string& id) {
      return is_valid_job_id(id) ? std::string{}
                                 : "'" + id + "' cannot be the id of a job";
    });
}

void add_wait(CLI::App& command, cli_values& values, const std::string& help) {
  command.add_option("--wait", values.wait_s, help)
    ->type_name("SECONDS")
    ->check(CLI::Range(0.0, 3600.0));
}

// -- the commands -------------------------------------------------------------

void add_serve(CLI::App& program, cli_values& values) {
  auto& command
    = add_command(program, "serve", "Runs a node until it is told to stop",
                  "  opencode-worker serve\n"
                  "  opencode-worker serve --api.port=3001 "
                  "--worker.concurrency=8\n"
                  "  opencode-worker serve --config=/etc/my-node.json");
  add_json_flag(command, values);
}

void add_run(CLI::App& program, cli_values& values) {
  auto& command
    = add_command(program, "run",
                  "Runs a job as if it ran here; starts a node for it if there "
                  "is none",
                  "  opencode-worker run -- make -j4 test\n"
                  "  opencode-worker run --command='echo $A | wc -c' "
                  "--env A=hello\n"
                  "  opencode-worker run --file main.c=./main.c "
                  "--limits.memory=512MB \\\n"
                  "      --artifacts-to=out -- sh -c 'cc main.c -o "
                  "../output/main'");
  add_client_flags(command, values);
  add_request_flags(command, values);
  command
    .add_option("--artifacts-to", values.artifacts_to,
                "the directory to save what the job leaves in")
    ->type_name("DIR");
}

void add_submit(CLI::App& program, cli_values& values) {
  auto& command
    = add_command(program, "submit", "Submits a job and prints its id",
                  "  opencode-worker submit -- ./nightly.sh\n"
                  "  opencode-worker submit --request=job.json --wait=60\n"
                  "  opencode-worker submit --job_id=build-42 "
                  "--command='make' --label owner=ci");
  add_client_flags(command, values);
  add_request_flags(command, values);
  add_wait(command, values, "wait so long for its end");
}

void add_logs(CLI::App& program, cli_values& values) {
  auto& command = add_command(
    program, "logs",
    "Prints a job's output: stdout to stdout, stderr to stderr",
    "  opencode-worker logs build-42\n"
    "  opencode-worker logs -f build-42\n"
    "  opencode-worker logs --stream=stderr build-42 > errors.txt");
  add_client_flags(command, values);
  add_job_id(command, values);
  command.add_flag("-f,--follow", values.follow,
                   "go on as the output grows, until the job ends");
  command
    .add_option("--stream", values.stream, "only this one, on standard output")
    ->check(CLI::IsMember({"stdout", "stderr"}));
}

void add_ls(CLI::App& program, cli_values& values) {
  auto& command
    = add_command(program, "ls", "Lists jobs, newest first",
                  "  opencode-worker ls\n"
                  "  opencode-worker ls --status=running --label owner=ci\n"
                  "  opencode-worker ls --json --limit=1000");
  add_client_flags(command, values);
  command.add_option("--status", values.status, "only jobs with this status")
    ->check(CLI::IsMember(
      {"pending", "running", "finished", "failed", "timeout", "cancelled"}));
  command
    .add_option("--label", values.labels, "K=V that jobs must have; may repeat")
    ->allow_extra_args(false);
  command.add_option("--limit", values.limit, "how many at most")
    ->check(CLI::Range(1, 1000));
  command.add_option("--cursor", values.cursor,
                     "go on where the list before ended");
}

void add_status(CLI::App& program, cli_values& values) {
  auto& command = add_command(program, "status", "Shows where a job is",
                              "  opencode-worker status build-42\n"
                              "  opencode-worker status --json build-42");
  add_client_flags(command, values);
  add_job_id(command, values);
}

void add_cancel(CLI::App& program, cli_values& values) {
  auto& command
    = add_command(program, "cancel", "Stops a job",
                  "  opencode-worker cancel build-42\n"
                  "  opencode-worker cancel build-42 --reason='not needed'");
  add_client_flags(command, values);
  add_job_id(command, values);
  command.add_option("--reason", values.reason, "why, for its result");
}

void add_output(CLI::App& program, cli_values& values) {
  auto& command
    = add_command(program, "output", "Shows an ended job's output and result",
                  "  opencode-worker output build-42\n"
                  "  opencode-worker output --wait=60 --json build-42");
  add_client_flags(command, values);
  add_job_id(command, values);
  add_wait(command, values, "wait so long for its end");
}

void add_artifacts(CLI::App& program, cli_values& values) {
  auto& command
    = add_command(program, "artifacts", "Lists or fetches the files a job left",
                  "  opencode-worker artifacts build-42\n"
                  "  opencode-worker artifacts build-42 report.html > r.html\n"
                  "  opencode-worker artifacts build-42 --to=out");
  add_client_flags(command, values);
  add_job_id(command, values);
  command.add_option("PATH", values.path, "one file, to standard output");
  auto* to = command.add_option("--to", values.to, "save below this directory")
               ->type_name("DIR");
  command
    .add_option("--tar", values.tar,
                "all of them as one archive; - is standard output")
    ->type_name("FILE")
    ->excludes(to);
}

void add_why(CLI::App& program, cli_values& values) {
  auto& command = add_command(
    program, "why", "Says why a job waits, or why it ended so, and what to do",
    "  opencode-worker why build-42\n"
    "  opencode-worker why --json build-42");
  add_client_flags(command, values);
  add_job_id(command, values);
}

void add_node_commands(CLI::App& program, cli_values& values) {
  auto& config = add_command(
    program, "config", "Shows the settings in force and where each came from",
    "  opencode-worker config\n"
    "  opencode-worker config --json --config=my-node.json");
  add_json_flag(config, values);
  auto& doctor = add_command(
    program, "doctor",
    "Tries what would hold jobs here, and says how to get what is missing",
    "  opencode-worker doctor\n"
    "  opencode-worker doctor --json\n"
    "  opencode-worker doctor --isolation.minimum=namespace && echo fit");
  add_json_flag(doctor, values);
  auto& version = add_command(program, "version", "Shows the version",
                              "  opencode-worker version\n"
                              "  opencode-worker version --json");
  add_json_flag(version, values);
  auto& completions = add_command(
    program, "completions", "Prints a completion script for a shell",
    "  opencode-worker completions bash > "
    "/etc/bash_completion.d/opencode-worker\n"
    "  opencode-worker completions zsh > "
    "~/.zfunc/_opencode-worker\n"
    "  opencode-worker completions fish > "
    "~/.config/fish/completions/opencode-worker.fish");
  completions.add_option("SHELL", values.shell, "bash, zsh or fish")
    ->required()
    ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  add_json_flag(completions, values);
}

} // namespace

std::shared_ptr<CLI::App> make_parser(cli_values& values) {
  auto program = std::make_shared<CLI::App>(
    "Runs jobs isolated, limited and streamed, here or on other machines",
    "opencode-worker");
  program->formatter(std::make_shared<usage_formatter>());
  program->get_formatter()->column_width(36);
  program->option_defaults()->multi_option_policy(
    CLI::MultiOptionPolicy::Throw);
  program->allow_extras();
  program->require_subcommand(0, 1);
  program->set_version_flag("--version",
                            fmt::format("opencode-worker {}", version_text));
  program->footer(examples("  opencode-worker serve\n"
                           "  opencode-worker run -- uname -a\n"
                           "  opencode-worker ls"));
  add_setting_flags(*program, values);
  for (const auto add :
       {&add_serve, &add_run, &add_submit, &add_logs, &add_status, &add_ls,
        &add_cancel, &add_output, &add_artifacts, &add_why, &add_node_commands})
    add(*program, values);
  return program;
}

} // namespace ocw
