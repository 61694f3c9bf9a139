#include "app/cli.hpp"

#include "app/cli_parser.hpp"
#include "app/commands.hpp"
#include "app/completions.hpp"
#include "app/config_loader.hpp"
#include "app/console.hpp"
#include "app/doctor.hpp"
#include "app/exit_codes.hpp"
#include "app/node.hpp"
#include "app/node_finder.hpp"
#include "app/version.hpp"
#include "ocw/errors.hpp"

#include <caf/config.hpp>

#include <nlohmann/json.hpp>

#include <spdlog/fmt/fmt.h>

#include <signal.h>
#include <unistd.h>

#include <array>
#include <memory>

namespace ocw {

namespace {

/// What every command may need.
struct surroundings {
  const cli_values& values;
  const config_sources& sources;
  const loaded_config& settings;
};

// -- commands that ask a node -------------------------------------------------

using client_command = int (*)(http_client&, const cli_values&);

struct named_command {
  std::string_view name;
  client_command act;
};

constexpr auto client_commands
  = std::to_array<named_command>({{"submit", &command_submit},
                                  {"status", &command_status},
                                  {"ls", &command_ls},
                                  {"cancel", &command_cancel},
                                  {"why", &command_why},
                                  {"logs", &command_logs},
                                  {"output", &command_output},
                                  {"artifacts", &command_artifacts}});

int ask_node(const surroundings& at, client_command act) {
  auto choice = choose_node(at.values, at.sources, at.settings);
  if (!choice)
    return complain(choice.error(), code_of(choice.error()) == ec::not_found
                                      ? exit_system_failed
                                      : exit_usage);
  auto node = http_client{std::move(choice->where), std::move(choice->how)};
  return act(node, at.values);
}

// -- run ----------------------------------------------------------------------

/// The node a job runs on: the one that was named, the one that is there, or
/// one of our own, which `own` keeps.
caf::expected<job_node> node_for_run(const surroundings& at,
                                     std::unique_ptr<embedded_node>& own) {
  auto choice = choose_node(at.values, at.sources, at.settings);
  if (!choice && code_of(choice.error()) != ec::not_found)
    return std::move(choice.error());
  if (choice && (choice->explicitly || is_node(*choice)))
    return job_node{
      http_client{std::move(choice->where), std::move(choice->how)}, {}};
  own = embedded_node::start(at.settings);
  if (!own)
    return make_error(ec::launch_failed,
                      "there is no node, and none could be started");
  auto where = parse_url(own->url());
  if (!where)
    return std::move(where.error());
  return job_node{http_client{std::move(*where), {.token = own->token()}},
                  [&own] { own->kill_jobs(); }};
}

int run_job(const surroundings& at) {
  auto own = std::unique_ptr<embedded_node>{};
  return command_run([&] { return node_for_run(at, own); }, at.values);
}

// -- commands about this program ----------------------------------------------

int show_version(const cli_values& values) {
  if (!values.json)
    return print(fmt::format("opencode-worker {}\n", version_text));
  const auto about = nlohmann::ordered_json{
    {"version", version_text},
    {"caf", fmt::format("{}.{}.{}", CAF_MAJOR_VERSION, CAF_MINOR_VERSION,
                        CAF_PATCH_VERSION)}};
  return print(about.dump() + '\n');
}

int show_completions(const cli_values& values) {
  auto unused = cli_values{};
  const auto script = completion_script(*make_parser(unused), values.shell);
  if (values.json)
    return print(nlohmann::json{{"script", script}}.dump() + '\n');
  return print(script);
}

// -- dispatch -----------------------------------------------------------------

int perform(const std::string& command, const surroundings& at) {
  if (command == "serve")
    return run_serve(at.settings, at.sources);
  if (command == "run")
    return run_job(at);
  if (command == "config")
    return print(render_config(at.settings, at.values.json));
  if (command == "doctor")
    return run_doctor(at.settings.values, at.values.json);
  for (const auto& each : client_commands)
    if (each.name == command)
      return ask_node(at, each.act);
  complain("there is no command '" + command + "'");
  return exit_usage;
}

int perform(const std::string& command, const cli_values& values) {
  if (command == "version")
    return show_version(values);
  if (command == "completions")
    return show_completions(values);
  auto sources = config_sources::from_process();
  sources.file = values.config_file;
  sources.command_line = values.settings;
  const auto settings = load_config(sources);
  if (!settings)
    return complain(settings.error(), exit_usage);
  return perform(command, {values, sources, *settings});
}

} // namespace

int run_cli(int argc, char** argv) {
  // A reader that went away is an error of the write then, not our end.
  ::signal(SIGPIPE, SIG_IGN);
  auto values = cli_values{};
  try {
    const auto words
      = std::vector<std::string>{argv + (argc > 0 ? 1 : 0), argv + argc};
    const auto outcome = parse_command_line(words, values);
    if (values.json)
      complain_in_json();
    if (!outcome.command.empty())
      return perform(outcome.command, values);
    const auto to
      = outcome.exit_code == exit_ok ? STDOUT_FILENO : STDERR_FILENO;
    write_fully(to, outcome.text);
    return outcome.exit_code;
  } catch (const std::exception& err) {
    complain(std::string{"this failed inside: "} + err.what());
    return exit_system_failed;
  }
}

} // namespace ocw
