#pragma once

#include <string>
#include <vector>

// Defaults that are lists; the others stand in config.hpp.
namespace ocw::defaults {

/// The commands of the default allow-list.
inline std::vector<std::string> command_allowlist() {
  return {
    "npx",      "node",   "npm",     "bun",    "pnpm",     "yarn",  "git",
    "bash",     "sh",     "cat",     "ls",     "mkdir",    "rm",    "cp",
    "mv",       "chmod",  "chown",   "find",   "grep",     "sed",   "awk",
    "jq",       "curl",   "wget",    "tar",    "unzip",    "zip",   "echo",
    "printf",   "head",   "tail",    "wc",     "sort",     "uniq",  "cut",
    "tr",       "diff",   "patch",   "make",   "cmake",    "cargo", "rustc",
    "go",       "python", "python3", "pip",    "pip3",     "uv",    "poetry",
    "opencode", "type",   "which",   "whoami", "id",       "env",   "printenv",
    "date",     "sleep",  "timeout", "pwd",    "hostname", "uname"};
}

/// Texts that a validated command may not contain.
inline std::vector<std::string> dangerous_patterns() {
  return {"rm -rf /",  "| sh",       "> /dev/null", "$(...)",   "`...`",
          "chmod 777", "chmod 4755", "wget | sh",   "curl | sh"};
}

} // namespace ocw::defaults
