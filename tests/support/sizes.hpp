#pragma once

#include <cstdint>

namespace ocw::test {

inline constexpr auto mib = uint64_t{1} << 20;

} // namespace ocw::test
