#pragma once

#include "process/unique_fd.hpp"

#include <caf/expected.hpp>

#include <string>

namespace ocw {

/// The directory a node keeps its token and its lock in, held by this process
/// alone for as long as the object lives.
class state_directory {
public:
  state_directory() = default;

  /// Makes the directory (0700) where it is missing, takes its lock, and reads
  /// the token, or writes a new one on the first start. `ec::conflict` when
  /// another node holds it, with its process id; `ec::invalid_request` when
  /// the directory or the token cannot be used, or others could change or read
  /// them, with the command that fixes it.
  static caf::expected<state_directory> open(const std::string& path);

  const std::string& path() const { return path_; }

  /// What clients must show.
  const std::string& token() const { return token_; }

private:
  std::string path_;
  std::string token_;
  unique_fd lock_;
};

/// Where a client's token may come from; empty means not given.
struct token_sources {
  std::string file;        ///< `--token-file`
  std::string environment; ///< `OPENCODE_WORKER_TOKEN`
  std::string state_dir;
};

/// The token a client shows: out of the first source that is given, in this
/// order. `ec::not_found` when there is none, `ec::invalid_request` when it
/// cannot be read or is no token. Tokens are never part of an error.
caf::expected<std::string> read_token(const token_sources& from);

/// Where the node's own token is.
std::string token_path(const std::string& state_dir);

} // namespace ocw
