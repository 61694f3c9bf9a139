#pragma once

#include "app/config_loader.hpp"

#include <caf/error.hpp>

#include <map>
#include <string>

namespace ocw {

/// Applies what holds between settings, after all sources were merged: fills
/// in defaults that depend on the machine, and refuses what is unsafe, what
/// contradicts itself, and what this version cannot do.
caf::error apply_rules(loaded_config& loaded,
                       const std::map<std::string, std::string>& environment);

/// Whether an address names this machine only.
bool is_loopback(const std::string& host);

} // namespace ocw
