#pragma once

#include "launcher/setup.hpp"

#include <string>
#include <vector>

namespace ocw::launcher {

/// Directories that hold programs and nothing else, as they are on this
/// machine: none is a link, none is named twice.
std::vector<std::string> program_directories();

/// Has the root that is being built at `plan.base` show no program but those of
/// the plan in `program_directories`, and lets nothing be executed, nor loaded
/// as a library, elsewhere than there and in the directories of libraries. For
/// a root that shows the system already, before it is moved into. Returns an
/// empty text, or what failed.
std::string show_programs_only(const root_plan& plan);

} // namespace ocw::launcher
