#pragma once

#include "launcher/wire.hpp"

#include <string_view>

namespace ocw {

/// What was being done for a job when its start failed.
std::string_view stage_name(wire::start_stage stage);

} // namespace ocw
