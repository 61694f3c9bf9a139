#pragma once

#include "ocw/config.hpp"
#include "process/machine_facts.hpp"
#include "process/sandbox_report.hpp"

#include <string>
#include <vector>

namespace ocw {

enum class mechanism_state : uint8_t {
  in_force,
  missing,
  off,        ///< isolation.disable names it, or no setting asks for it
  not_needed, ///< one that is in force does the same and more
};
template <>
inline constexpr auto
  enum_words<mechanism_state> = std::to_array<std::string_view>(
    {"in_force", "missing", "off", "not_needed"});

/// What is to be said of one mechanism on this machine.
struct mechanism_finding {
  std::string name;
  mechanism_state state = mechanism_state::missing;
  std::string gives; ///< what it keeps a job from
  std::string why;   ///< why it is not in force; empty when it is
  std::string hint;  ///< how to get it; empty unless it is missing
};

/// A finding for each of `known_mechanisms`, in their order.
std::vector<mechanism_finding> findings_of(const sandbox_report& found,
                                           const isolation_config& settings,
                                           const machine_facts& facts);

template <class Inspector>
bool inspect(Inspector& f, mechanism_finding& x) {
  return f.object(x).fields(f.field("name", x.name), f.field("state", x.state),
                            f.field("gives", x.gives), f.field("why", x.why),
                            f.field("hint", x.hint));
}

} // namespace ocw
