#include "messages/job_request.hpp"

#include "messages/json_document.hpp"
#include "messages/json_reader.hpp"
#include "messages/json_writer.hpp"
#include "messages/utf8.hpp"
#include "ocw/errors.hpp"
#include "ocw/ids.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace ocw {

namespace {

using string_map = std::map<std::string, std::string>;

caf::error refuse(std::string field, std::string_view problem) {
  auto sentence = field;
  sentence.append(" ").append(problem);
  return make_error(ec::invalid_request, std::move(sentence), std::move(field));
}

std::string key_of(std::string_view field, std::string_view key) {
  auto result = std::string{field};
  append_path_key(result, key);
  return result;
}

std::string item_of(std::string_view field, size_t index) {
  return std::string{field} + '[' + std::to_string(index) + ']';
}

/// The store keeps requests as JSON, so what it could not give back exactly is
/// refused; requests that came as JSON have none of it.
constexpr auto not_utf8 = std::string_view{"is not valid UTF-8"};

bool has_nul(std::string_view text) {
  return text.find('\0') != std::string_view::npos;
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
}

caf::error check_id(const job_request& x) {
  if (x.job_id.empty() || is_valid_job_id(x.job_id))
    return {};
  return refuse("job_id", "must be 1 to 128 of A-Za-z0-9._- and not begin "
                          "with . or -");
}

// -- what to run --------------------------------------------------------------

/// What is wrong with a text as an argument of a program.
std::string_view problem_with_argument(std::string_view text) {
  if (has_nul(text))
    return "has a NUL byte";
  if (text.size() > max_argument_bytes)
    return "is longer than 131071 bytes, the most Linux passes to a program; "
           "send it in files";
  if (!is_utf8(text))
    return not_utf8;
  return {};
}

caf::error check_command(const std::string& command) {
  if (command.empty())
    return refuse("command", "is empty");
  if (const auto problem = problem_with_argument(command); !problem.empty())
    return refuse("command", problem);
  return {};
}

caf::error check_argv(const std::vector<std::string>& argv) {
  if (argv.empty())
    return refuse("argv", "is empty");
  if (argv.front().empty())
    return refuse("argv[0]", "is empty");
  for (auto i = size_t{0}; i < argv.size(); ++i)
    if (const auto problem = problem_with_argument(argv[i]); !problem.empty())
      return refuse(item_of("argv", i), problem);
  return {};
}

caf::error check_program(const job_request& x) {
  if (x.prompt)
    return make_error(ec::invalid_request,
                      "agent jobs are not available in this version", "prompt");
  if (x.command && x.argv)
    return make_error(ec::invalid_request,
                      "a job has either command or argv, not both", "argv");
  if (x.command)
    return check_command(*x.command);
  if (x.argv)
    return check_argv(*x.argv);
  return make_error(ec::invalid_request, "a job needs command or argv",
                    "command");
}

caf::error check_workspace(const job_request& x) {
  if (!x.workspace)
    return {};
  if (!x.workspace->starts_with('/'))
    return refuse("workspace", "is not an absolute path");
  auto below_root = std::string_view{*x.workspace}.substr(1);
  if (below_root.ends_with('/'))
    below_root.remove_suffix(1);
  if (has_nul(below_root))
    return refuse("workspace", "has a NUL byte");
  if (const auto problem = problem_with_path(below_root); !problem.empty())
    return refuse("workspace", "is not a plain path of a directory");
  return {};
}

// -- environment --------------------------------------------------------------

bool is_variable_name(std::string_view name) {
  const auto is_letter = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
  };
  return !name.empty() && is_letter(name.front())
         && std::all_of(name.begin(), name.end(), [&](char c) {
              return is_letter(c) || (c >= '0' && c <= '9');
            });
}

caf::error check_variables(std::string_view field, const string_map& pairs) {
  for (const auto& [name, value] : pairs) {
    if (!is_variable_name(name))
      return refuse(key_of(field, name), "is not a name of letters, digits "
                                         "and _ that begins with no digit");
    if (has_nul(value))
      return refuse(key_of(field, name), "has a NUL byte");
    if (!is_utf8(value))
      return refuse(key_of(field, name), not_utf8);
    if (name.size() + 1 + value.size() > max_argument_bytes)
      return refuse(key_of(field, name),
                    "is longer than Linux passes to a program (131071 bytes "
                    "with its name)");
  }
  return {};
}

caf::error check_environment(const job_request& x) {
  if (auto err = check_variables("env", x.env))
    return err;
  if (auto err = check_variables("secrets", x.secrets))
    return err;
  for (const auto& [name, value] : x.secrets) {
    if (value.empty())
      return refuse(key_of("secrets", name), "is empty");
    if (x.env.contains(name))
      return refuse(key_of("secrets", name), "is in env too");
  }
  return {};
}

// -- limits and options -------------------------------------------------------

caf::error check_limits(const job_request& x) {
  const auto& asked = x.limits;
  if (asked.cpu_cores
      && !(std::isfinite(*asked.cpu_cores) && *asked.cpu_cores > 0))
    return refuse("limits.cpu", "must be more than 0");
  if (asked.memory && asked.memory->bytes == 0)
    return refuse("limits.memory", "must be more than 0");
  if (asked.timeout_ms && *asked.timeout_ms == 0)
    return refuse("limits.timeout", "must be more than 0");
  if (asked.max_output_size && asked.max_output_size->bytes == 0)
    return refuse("limits.max_output_size", "must be more than 0");
  if (asked.pids.value_or(0) > max_pids)
    return refuse("limits.pids", "must be 0 to 4194304, the most Linux has");
  if (asked.queue_timeout_ms.value_or(0) > max_wait_ms)
    return refuse("limits.queue_timeout", "is longer than a year");
  if (asked.idle_timeout_ms.value_or(0) > max_wait_ms)
    return refuse("limits.idle_timeout", "is longer than a year");
  return {};
}

caf::error check_options(const job_request& x) {
  if (x.config.mode && *x.config.mode != "worker")
    return refuse("config.mode", "must be worker");
  if (!is_utf8(x.config.provider.value_or("")))
    return refuse("config.provider", not_utf8);
  if (!is_utf8(x.config.model.value_or("")))
    return refuse("config.model", not_utf8);
  if (x.stream.chunk_size < min_chunk_size
      || x.stream.chunk_size > max_chunk_size)
    return refuse("stream.chunk_size", "must be 4 to 1048576: room for any "
                                       "character");
  if (x.priority > 100)
    return refuse("priority", "must be 0 to 100");
  return {};
}

// -- selections ---------------------------------------------------------------

caf::error check_artifacts(const job_request& x) {
  if (x.artifacts.size() > max_globs)
    return refuse("artifacts", "has more than 1000 entries");
  for (auto i = size_t{0}; i < x.artifacts.size(); ++i)
    if (const auto problem = problem_with_path(x.artifacts[i]);
        !problem.empty())
      return refuse(item_of("artifacts", i), problem);
  return {};
}

caf::error check_require(const job_request& x) {
  if (x.require.size() > max_layers)
    return refuse("require", "has more than 64 entries");
  for (auto i = size_t{0}; i < x.require.size(); ++i)
    if (x.require[i].empty() || x.require[i].size() > max_pair_bytes
        || !is_utf8(x.require[i]))
      return refuse(item_of("require", i), "must be 1 to 256 bytes of text");
  return {};
}

caf::error check_pairs(std::string_view field, const string_map& pairs) {
  if (pairs.size() > max_pairs)
    return refuse(std::string{field}, "has more than 64 entries");
  for (const auto& [key, value] : pairs) {
    if (key.empty() || key.size() > max_pair_bytes)
      return refuse(key_of(field, key), "has a key that is not 1 to 256 bytes");
    if (value.size() > max_pair_bytes)
      return refuse(key_of(field, key), "is longer than 256 bytes");
    if (has_control(key) || has_control(value))
      return refuse(key_of(field, key), "has a control character");
    if (!is_utf8(key) || !is_utf8(value))
      return refuse(key_of(field, key), not_utf8);
  }
  return {};
}

caf::error check_labels(const job_request& x) {
  if (auto err = check_pairs("labels", x.labels))
    return err;
  return check_pairs("constraints", x.constraints);
}

caf::error check_metadata(const job_request& x) {
  if (x.metadata.text.size() > max_metadata_bytes)
    return refuse("metadata", "is longer than 4096 bytes");
  if (x.metadata.text == "{}")
    return {};
  const auto parsed = parse_json(x.metadata.text);
  if (!parsed || !parsed->is_object())
    return refuse("metadata", "is not a JSON object");
  return {};
}

constexpr auto checks = std::to_array<caf::error (*)(const job_request&)>(
  {check_id, check_program, check_files, check_workspace, check_environment,
   check_limits, check_options, check_artifacts, check_require, check_labels,
   check_metadata});

} // namespace

caf::error check(const job_request& request) {
  for (const auto rule : checks)
    if (auto err = rule(request))
      return err;
  return {};
}

caf::expected<job_request> parse_job_request(std::string_view body) {
  auto document = parse_json(body);
  if (!document)
    return std::move(document.error());
  // Left out is another thing than empty.
  const auto id = document->find("job_id");
  if (id != document->end() && *id == "")
    return refuse("job_id", "is empty; leave it out to get one made");
  auto request = read_json_value<job_request>(std::move(*document));
  if (!request)
    return request;
  if (auto err = check(*request))
    return err;
  return request;
}

void write_request_without_secrets(std::string& out,
                                   const job_request& request) {
  static constexpr auto secrets = std::to_array<std::string_view>({"secrets"});
  write_json(out, request, {.omit_defaults = true, .omit = secrets});
}

} // namespace ocw
