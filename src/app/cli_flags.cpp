#include "app/cli_flags.hpp"

#include "app/request_fields.hpp"
#include "app/settings.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

namespace ocw {

namespace {

constexpr auto request_group = "Request";
constexpr auto node_group = "Node";

/// A flag that may be given more than once, with one value each time.
void add_list(CLI::App& command, const std::string& name,
              std::vector<std::string>& into, const std::string& help) {
  command.add_option("--" + name, into, help)
    ->allow_extra_args(false)
    ->type_name("")
    ->group(request_group);
}

void add_text(CLI::App& command, const std::string& name, std::string& into,
              const std::string& help) {
  command.add_option("--" + name, into, help)
    ->type_name("")
    ->group(request_group);
}

} // namespace

void add_json_flag(CLI::App& command, cli_values& values) {
  command.add_flag("--json", values.json, "print JSON instead of text");
}

void add_client_flags(CLI::App& command, cli_values& values) {
  add_json_flag(command, values);
  command
    .add_option("--url", values.url,
                "the node, such as http://127.0.0.1:3000; else "
                "OPENCODE_WORKER_URL, else api.host and api.port")
    ->type_name("URL")
    ->group(node_group);
  command
    .add_option("--token-file", values.token_file,
                "the file with the node's token; else OPENCODE_WORKER_TOKEN, "
                "else the state directory's")
    ->type_name("FILE")
    ->group(node_group);
  command
    .add_option("--ca-file", values.ca_file,
                "PEM file of the authority that vouches for an https node")
    ->type_name("FILE")
    ->group(node_group);
}

void add_request_flags(CLI::App& command, cli_values& values) {
  auto& request = values.request;
  command
    .add_option("--request", request.request_file,
                "a whole request as JSON, from a file or - for stdin; the "
                "other flags go on top")
    ->type_name("FILE")
    ->group(request_group);
  for (const auto& field : scalar_fields()) {
    const auto name = std::string{field.name};
    command
      .add_option_function<std::string>(
        "--" + name,
        [&request, name](const std::string& text) {
          request.scalars.emplace_back(name, text);
        },
        std::string{field.help})
      ->type_name(std::string{field.placeholder})
      ->group(request_group);
  }
  add_list(command, "env", request.env, "K=V; may repeat");
  add_list(command, "secret", request.secrets,
           "K=@FILE, whose value is never logged or shown; may repeat");
  add_list(command, "file", request.files,
           "PATH=LOCAL puts a local file into work/; may repeat");
  add_text(command, "stdin", request.stdin_source,
           "@FILE, or - to send all of standard input with the request");
  add_list(command, "artifacts", request.artifacts,
           "a glob of files to keep besides output/; may repeat");
  add_list(command, "require", request.require,
           "an isolation layer that must be in force; may repeat");
  add_list(command, "label", request.labels, "K=V; may repeat");
  add_list(command, "constraint", request.constraints,
           "K=V that a worker's labels must have; may repeat");
  add_text(command, "metadata", request.metadata,
           "a JSON object that is echoed back");
}

void add_setting_flags(CLI::App& program, cli_values& values) {
  program
    .add_option("--config", values.config_file, "the settings file to read")
    ->type_name("FILE")
    ->group(node_group);
  for (const auto& row : all_settings()) {
    const auto key = std::string{row.key};
    program
      .add_option_function<std::string>(
        "--" + key,
        [&values, key](const std::string& text) {
          values.settings.emplace_back(key, text);
        },
        std::string{row.sentence})
      ->take_last()
      ->group(""); // documented in the reference of settings
  }
}

} // namespace ocw
