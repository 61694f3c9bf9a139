#pragma once

#include "launcher/mechanism_names.hpp"

#include <span>
#include <string_view>

namespace ocw {

/// Something that holds jobs, in words.
struct mechanism_text {
  uint64_t bit; ///< of wire::mechanism; 0: it is in force everywhere
  std::string_view name;
  std::string_view gives; ///< what it keeps a job from, in one line
};

/// The mechanisms that launchers are asked for, in the order they are shown.
std::span<const mechanism_text> known_mechanisms();

/// What holds a job on every machine.
std::span<const mechanism_text> constant_mechanisms();

/// The bits of `known_mechanisms`.
uint64_t wanted_mechanisms();

} // namespace ocw
