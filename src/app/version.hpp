#pragma once

#include <string_view>

namespace ocw {

/// The project's version, as CMakeLists.txt has it; a test compares the two.
inline constexpr auto version_text = std::string_view{"0.1.0"};

} // namespace ocw
