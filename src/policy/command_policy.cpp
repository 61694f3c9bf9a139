#include "policy/command_policy.hpp"

#include "messages/utf8.hpp"
#include "ocw/errors.hpp"
#include "policy/judge.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

namespace ocw::policy {

namespace {

constexpr auto shown_length = size_t{80};

/// A word for a sentence: short, and text whatever it was.
std::string shown(const std::string& word) {
  auto out = std::string{};
  append_lossy(out, std::string_view{word}.substr(0, shown_length));
  for (auto& c : out)
    if (static_cast<unsigned char>(c) < ' ')
      c = c == unknown_char ? '?' : ' ';
  return word.size() > shown_length ? out + "…" : out;
}

caf::error error_of(const judge& by, std::string field) {
  if (!by.refused())
    return {};
  const auto& [word, rule, why] = *by.outcome();
  return make_error(ec::policy_denied,
                    fmt::format("the command policy refuses '{}' (rule {}): {}",
                                shown(word), rule, why),
                    std::move(field));
}

caf::error check_variables(const rules& with, const job_request& request) {
  for (const auto& [name, value] : request.env) {
    auto by = judge{with};
    by.variable(name, known_word(value));
    if (by.refused())
      return error_of(by, "env." + name);
  }
  for (const auto& [name, value] : request.secrets) {
    auto by = judge{with};
    by.variable(name, unknown_word());
    if (by.refused())
      return error_of(by, "secrets." + name);
  }
  return {};
}

caf::error wrong(std::string key, std::string_view what) {
  auto sentence = fmt::format("{}: {}", key, what);
  return make_error(ec::invalid_request, std::move(sentence), std::move(key));
}

} // namespace

bool validation_in_force(validation_mode mode, std::string_view tier) {
  if (mode == validation_mode::automatic)
    return tier != word_of(isolation_tier::name_space);
  return mode == validation_mode::always;
}

caf::error check_settings(const security_config& settings) {
  const auto is_bad = [](const std::string& name) {
    return name.empty() || name.find_first_of("/ \t\n") != std::string::npos;
  };
  const auto& names = settings.command_allowlist;
  if (std::any_of(names.begin(), names.end(), is_bad))
    return wrong("security.command_allowlist",
                 "an entry is the name of a program, without a path, blanks "
                 "or arguments");
  const auto& patterns = settings.dangerous_patterns;
  if (patterns.size() > max_patterns)
    return wrong(
      "security.dangerous_patterns",
      fmt::format("there are {}; at most {}", patterns.size(), max_patterns));
  for (const auto& pattern : patterns)
    if (pattern.empty() || pattern.size() > max_pattern_length)
      return wrong(
        "security.dangerous_patterns",
        fmt::format("a pattern has 1 to {} bytes", max_pattern_length));
  return {};
}

command_policy::command_policy(const security_config& settings)
  : rules_(std::make_unique<const rules>(settings)),
    mode_(settings.require_command_validation),
    max_length_(settings.max_command_length) {
}
command_policy::~command_policy() = default;
command_policy::command_policy(command_policy&&) noexcept = default;
command_policy& command_policy::operator=(command_policy&&) noexcept = default;

caf::error command_policy::judge(const job_request& request,
                                 std::string_view tier) const {
  if (auto err = check_length(request))
    return err;
  return validation_in_force(mode_, tier) ? check_commands(request)
                                          : caf::error{};
}

caf::error command_policy::check_length(const job_request& request) const {
  auto length = request.command ? request.command->size() : size_t{0};
  if (request.argv)
    for (const auto& word : *request.argv)
      length += word.size() + (length > 0 ? 1 : 0);
  if (length <= max_length_)
    return {};
  return make_error(ec::limit_exceeded,
                    fmt::format("the command has {} bytes, over "
                                "security.max_command_length ({}); send it as "
                                "a file and run that",
                                length, max_length_),
                    request.command ? "command" : "argv");
}

caf::error command_policy::check_commands(const job_request& request) const {
  auto by = policy::judge{*rules_};
  if (request.command) {
    by.text(*request.command, known_word("command"));
  } else if (request.argv) {
    auto words = std::vector<shell_word>{};
    for (const auto& word : *request.argv)
      words.push_back(known_word(word));
    by.program(words, {});
    by.patterns(joined(words));
  }
  if (by.refused())
    return error_of(by, request.command ? "command" : "argv");
  return check_variables(*rules_, request);
}

} // namespace ocw::policy
