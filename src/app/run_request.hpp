#pragma once

#include <caf/expected.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ocw {

/// What the flags of `run` and `submit` said, as it was typed.
struct request_flags {
  std::string request_file; ///< a whole request, or `-`; the flags go on top
  std::vector<std::pair<std::string, std::string>> scalars; ///< name, text
  std::vector<std::string> env;                             ///< `K=V`
  std::vector<std::string> secrets;                         ///< `K=@FILE`
  std::vector<std::string> files;                           ///< `PATH=LOCAL`
  std::string stdin_source; ///< `@FILE` or `-`; empty: not said
  std::vector<std::string> artifacts;
  std::vector<std::string> require;
  std::vector<std::string> labels;      ///< `K=V`
  std::vector<std::string> constraints; ///< `K=V`
  std::string metadata;                 ///< JSON; empty: not said
  std::vector<std::string> argv;        ///< what stood behind `--`
};

/// A request that is ready to be sent.
struct built_request {
  std::string job_id;     ///< always there
  std::string json;       ///< the body
  bool has_stdin = false; ///< the flags or the request file say what to read
};

/// What a job of which no flag says so reads.
enum class stdin_default : uint8_t {
  unsaid, ///< the node decides
  empty,  ///< nothing
  open,   ///< what is sent to it later
};

/// Makes the request out of the flags, reads the files they name, and checks
/// it as the node will. Errors are `ec::invalid_request` and name the flag or
/// the field.
caf::expected<built_request> build_request(const request_flags& flags,
                                           stdin_default otherwise);

/// `K=V` apart. Error if there is no `=`, or nothing before it.
caf::expected<std::pair<std::string, std::string>>
split_pair(std::string_view flag, std::string_view text);

/// A secret's name and value out of `K=@FILE`; one line end at the file's end
/// is not part of it. A value in the command line itself is refused.
caf::expected<std::pair<std::string, std::string>>
read_secret(std::string_view text);

} // namespace ocw
