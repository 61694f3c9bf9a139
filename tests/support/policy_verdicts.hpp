#pragma once

#include "ocw/errors.hpp"
#include "policy/command_policy.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace ocw::test {

/// The settings that commands are checked with: the default ones, with some
/// programs more and some fewer.
inline security_config checked(const std::vector<std::string>& more = {},
                               const std::vector<std::string>& fewer = {}) {
  auto settings = security_config{};
  settings.require_command_validation = validation_mode::always;
  auto& list = settings.command_allowlist;
  list.insert(list.end(), more.begin(), more.end());
  for (const auto& name : fewer)
    list.erase(std::remove(list.begin(), list.end(), name), list.end());
  return settings;
}

inline job_request shell_job(std::string command) {
  auto request = job_request{};
  request.command = std::move(command);
  return request;
}

inline job_request argv_job(std::vector<std::string> argv) {
  auto request = job_request{};
  request.argv = std::move(argv);
  return request;
}

/// Why a command is refused; empty when it is not.
inline std::string verdict(const job_request& request,
                           const security_config& settings = checked()) {
  const auto err = policy::command_policy{settings}.judge(request, "process");
  return err ? sentence_of(err) : std::string{};
}

inline std::string verdict(const std::string& command,
                           const security_config& settings = checked()) {
  return verdict(shell_job(command), settings);
}

/// The rule in a verdict's sentence.
inline std::string rule_of(const std::string& sentence) {
  const auto begin = sentence.find("(rule ");
  return begin == std::string::npos
           ? sentence
           : sentence.substr(begin + 6, sentence.find("):", begin) - begin - 6);
}

} // namespace ocw::test
