#pragma once

#include "launcher/setup.hpp"

#include <string>

namespace ocw::launcher {

/// Where the launcher's root keeps what sessions must not see. Gone from a
/// session's root before anything of the job runs.
inline constexpr char hidden_dir[] = "/.ocw";
inline constexpr char hidden_sessions[] = "/.ocw/sessions";
inline constexpr char hidden_spool[] = "/.ocw/spool";
inline constexpr char hidden_workspaces[] = "/.ocw/workspaces/";
inline constexpr char hidden_disk[] = "/.ocw/disk"; ///< a session's, if any
inline constexpr char hidden_readonly[] = "/.ocw/readonly/";

/// Whether a session's own /tmp covers this path.
bool is_in_tmp(const std::string& path);

/// Moves this process into a mount namespace whose root shows the system
/// read-only (/usr, /etc, /opt and what is in the plan) and nothing else of the
/// machine, besides `hidden_dir`. Needs CAP_SYS_ADMIN. Returns an empty text,
/// or what failed; then this process is of no more use.
std::string enter_private_root(const root_plan& plan);

/// Takes CAP_SYS_ADMIN in a user namespace of its own if this process has it
/// nowhere. Returns an empty text, or what failed.
std::string gain_namespace_rights();

} // namespace ocw::launcher
