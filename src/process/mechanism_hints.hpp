#pragma once

#include "process/machine_facts.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace ocw {

/// What an operator can do to get a mechanism that is missing: the setting,
/// sysctl, kernel option or flag of a container engine that gives it, in one
/// line. `bit` is of wire::mechanism, `why` the launcher's reason without the
/// name in front.
std::string hint_for(uint64_t bit, std::string_view why,
                     const machine_facts& facts);

} // namespace ocw
