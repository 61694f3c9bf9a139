#pragma once

#include "ocw/config.hpp"
#include "ocw/messages/job_request.hpp"

#include <caf/error.hpp>

#include <memory>
#include <string_view>

namespace ocw::policy {

struct rules;

/// Whether commands are checked, by the setting and the tier in force.
bool validation_in_force(validation_mode mode, std::string_view tier);

/// Why a setting of the `security` section cannot be used, with its key as the
/// field; none when all is well.
caf::error check_settings(const security_config& settings);

/// Judges what a job asks to run. Not a boundary: it sees what the request
/// says, not what a program then does. Immutable; any thread.
class command_policy {
public:
  explicit command_policy(const security_config& settings);
  ~command_policy();
  command_policy(command_policy&&) noexcept;
  command_policy& operator=(command_policy&&) noexcept;

  /// None, or why the job is refused: `ec::limit_exceeded` for a command over
  /// `security.max_command_length`, whatever the tier; `ec::policy_denied`
  /// when commands are checked and this one is not wanted. The sentence names
  /// the word and the rule.
  caf::error judge(const job_request& request, std::string_view tier) const;

private:
  caf::error check_length(const job_request& request) const;
  caf::error check_commands(const job_request& request) const;

  std::unique_ptr<const rules> rules_;
  validation_mode mode_;
  uint64_t max_length_;
};

} // namespace ocw::policy
