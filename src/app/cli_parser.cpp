#include "app/cli_parser.hpp"
#include "app/settings.hpp"

#include "app/exit_codes.hpp"
#include "messages/nearest_word.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <spdlog/fmt/fmt.h>

#include <algorithm>

namespace ocw {

namespace {

// -- what is wrong ------------------------------------------------------------

cli_outcome usage_error(std::string_view problem, const std::string& command) {
  const auto place = command.empty() ? std::string{} : command + ' ';
  return {{},
          exit_usage,
          fmt::format("opencode-worker: {}\nsee 'opencode-worker {}--help'\n",
                      problem, place)};
}

std::string did_you_mean(std::string_view word,
                         const std::vector<std::string>& known,
                         std::string_view dashes) {
  const auto views = std::vector<std::string_view>{known.begin(), known.end()};
  const auto nearest = nearest_word(word, views);
  return nearest.empty() ? std::string{}
                         : fmt::format("; did you mean {}{}?", dashes, nearest);
}

std::vector<std::string> long_flags(const CLI::App& app) {
  auto result = std::vector<std::string>{};
  for (const auto* option : app.get_options())
    for (const auto& name : option->get_lnames())
      result.push_back(name);
  return result;
}

/// What to say about words that no command takes.
std::string describe_extra(const CLI::App& program, const CLI::App* command,
                           const std::vector<std::string>& extras) {
  const auto flag = std::find_if(extras.begin(), extras.end(), [](auto& word) {
    return word.size() > 1 && word.starts_with('-');
  });
  if (flag == extras.end()) {
    const auto& word = extras.front();
    if (command != nullptr)
      return fmt::format("unexpected argument '{}'", word);
    auto names = std::vector<std::string>{};
    for (const auto* each : program.get_subcommands({}))
      names.push_back(each->get_name());
    return fmt::format("there is no command '{}'{}", word,
                       did_you_mean(word, names, ""));
  }
  const auto shown = flag->substr(0, flag->find('='));
  auto known = long_flags(program);
  if (command != nullptr)
    for (auto& name : long_flags(*command))
      known.push_back(std::move(name));
  const auto bare
    = shown.substr(std::min(shown.find_first_not_of('-'), shown.size()));
  return fmt::format("unknown flag {}{}", shown,
                     did_you_mean(bare, known, "--"));
}

const CLI::App* chosen_command(const CLI::App& program) {
  const auto chosen = program.get_subcommands();
  return chosen.empty() ? nullptr : chosen.front();
}

std::string name_of(const CLI::App* command) {
  return command == nullptr ? std::string{} : command->get_name();
}

bool takes_words(std::string_view command) {
  return command == "run" || command == "submit";
}

/// What is wrong with a command line that the parser itself accepts.
std::string problem_with(const CLI::App& program, const CLI::App* command,
                         const cli_values& values) {
  if (const auto extras = program.remaining(true); !extras.empty()) {
    auto problem = describe_extra(program, command, extras);
    if (takes_words(name_of(command)) && problem.starts_with("unexpected"))
      problem += "; the words of a job's command go behind --";
    return problem;
  }
  if (command == nullptr)
    return "a command is missing";
  if (!values.request.argv.empty() && !takes_words(command->get_name()))
    return "unexpected --";
  return {};
}

/// Takes out `--section.key=`: the parser would take the next word for its
/// value.
void take_empty_settings(std::vector<std::string>& words, cli_values& values) {
  std::erase_if(words, [&](const std::string& word) {
    if (!word.starts_with("--") || !word.ends_with('='))
      return false;
    const auto key = word.substr(2, word.size() - 3);
    if (find_setting(key) == nullptr)
      return false;
    values.settings.emplace_back(key, "");
    return true;
  });
}

bool takes_a_value(const CLI::App& app, const std::string& flag) {
  const auto* option = app.get_option_no_throw(flag);
  return option != nullptr && option->get_items_expected_min() > 0;
}

/// The same for the flags of commands, which become two words: `--flag=` is an
/// empty value, as in every shell.
void part_empty_values(std::vector<std::string>& words,
                       const CLI::App& program) {
  for (auto i = size_t{0}; i < words.size(); ++i) {
    auto& word = words[i];
    if (!word.starts_with("--") || !word.ends_with('='))
      continue;
    const auto flag = word.substr(0, word.size() - 1);
    const auto commands = program.get_subcommands({});
    if (!takes_a_value(program, flag)
        && std::none_of(
          commands.begin(), commands.end(),
          [&](const auto* command) { return takes_a_value(*command, flag); }))
      continue;
    word = flag;
    words.emplace(words.begin() + static_cast<std::ptrdiff_t>(++i));
  }
}

} // namespace

cli_outcome parse_command_line(const std::vector<std::string>& words,
                               cli_values& values) {
  const auto program = make_parser(values);
  const auto dashes = std::find(words.begin(), words.end(), "--");
  // The parser takes its words from the back.
  auto mine = std::vector<std::string>{words.begin(), dashes};
  take_empty_settings(mine, values);
  part_empty_values(mine, *program);
  std::reverse(mine.begin(), mine.end());
  if (dashes != words.end())
    values.request.argv.assign(dashes + 1, words.end());
  try {
    program->parse(std::move(mine));
  } catch (const CLI::CallForHelp&) {
    return {{}, exit_ok, program->help()};
  } catch (const CLI::CallForVersion& version) {
    return {{}, exit_ok, std::string{version.what()} + '\n'};
  } catch (const CLI::Error& err) {
    const auto* command = chosen_command(*program);
    const auto extras = program->remaining(true);
    const auto problem = extras.empty()
                           ? std::string{err.what()}
                           : describe_extra(*program, command, extras);
    return usage_error(problem, name_of(command));
  }
  const auto* command = chosen_command(*program);
  if (auto problem = problem_with(*program, command, values); !problem.empty())
    return usage_error(problem, name_of(command));
  return {command->get_name(), exit_ok, {}};
}

} // namespace ocw
