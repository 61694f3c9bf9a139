#pragma once

#include "app/config_loader.hpp"

#include <caf/error.hpp>

#include <map>
#include <string>

namespace ocw {

/// Applies what holds between settings, after all sources were merged: fills
/// in defaults that depend on the machine, makes paths absolute, and then
/// refuses what `check_rules` refuses. Makes no directory.
caf::error apply_rules(loaded_config& loaded,
                       const std::map<std::string, std::string>& environment);

/// Refuses what is unsafe, what contradicts itself, and what this version
/// cannot do. `ec::invalid_request` says what to do instead, with the key as
/// its field.
caf::error check_rules(const loaded_config& loaded);

/// Whether an address names this machine only.
bool is_loopback(const std::string& host);

/// Whether a directory is there and can be written, or can be made.
bool can_make_directory(const std::string& directory);

} // namespace ocw
