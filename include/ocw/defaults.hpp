#pragma once

#include <string>
#include <vector>

// Defaults that are lists; the others stand in config.hpp.
namespace ocw::defaults {

/// The commands of the default allow-list: the 62 that this project's first
/// documents name, and coreutils, without those that change the root or the
/// security context. What a shell has itself need not be listed.
inline std::vector<std::string> command_allowlist() {
  return {
    "npx",      "node",     "npm",       "bun",       "pnpm",      "yarn",
    "git",      "bash",     "sh",        "cat",       "ls",        "mkdir",
    "rm",       "cp",       "mv",        "chmod",     "chown",     "find",
    "grep",     "sed",      "awk",       "jq",        "curl",      "wget",
    "tar",      "unzip",    "zip",       "echo",      "printf",    "head",
    "tail",     "wc",       "sort",      "uniq",      "cut",       "tr",
    "diff",     "patch",    "make",      "cmake",     "cargo",     "rustc",
    "go",       "python",   "python3",   "pip",       "pip3",      "uv",
    "poetry",   "opencode", "type",      "which",     "whoami",    "id",
    "env",      "printenv", "date",      "sleep",     "timeout",   "pwd",
    "hostname", "uname",    "[",         "arch",      "b2sum",     "base32",
    "base64",   "basename", "basenc",    "chgrp",     "cksum",     "comm",
    "csplit",   "dd",       "df",        "dir",       "dircolors", "dirname",
    "du",       "expand",   "expr",      "factor",    "false",     "fmt",
    "fold",     "groups",   "hostid",    "install",   "join",      "link",
    "ln",       "logname",  "md5sum",    "mkfifo",    "mktemp",    "nice",
    "nl",       "nohup",    "nproc",     "numfmt",    "od",        "paste",
    "pathchk",  "pr",       "ptx",       "readlink",  "realpath",  "rmdir",
    "seq",      "sha1sum",  "sha224sum", "sha256sum", "sha384sum", "sha512sum",
    "shred",    "shuf",     "split",     "stat",      "stdbuf",    "stty",
    "sum",      "sync",     "tac",       "tee",       "test",      "touch",
    "true",     "truncate", "tsort",     "tty",       "unexpand",  "unlink",
    "users",    "vdir",     "who",       "yes"};
}

/// Texts that a validated command may not contain.
inline std::vector<std::string> dangerous_patterns() {
  return {"rm -rf /",  "| sh",       "> /dev/null", "$(...)",   "`...`",
          "chmod 777", "chmod 4755", "wget | sh",   "curl | sh"};
}

} // namespace ocw::defaults
