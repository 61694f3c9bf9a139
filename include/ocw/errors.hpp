#pragma once

#include "ocw/enums.hpp"

#include <caf/error.hpp>
#include <caf/fwd.hpp>
#include <caf/is_error_code_enum.hpp>
#include <caf/type_id.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace ocw {

/// Everything a caller can be told went wrong. Append only: the numbers travel
/// between nodes of different age, the words are part of the HTTP API.
enum class ec : uint8_t {
  none = 0,
  invalid_request,       ///< the request itself can never succeed
  limit_exceeded,        ///< it asks for more than this node's settings allow
  unauthorized,          ///< no credentials, or wrong ones
  forbidden,             ///< known, but not allowed to do this from here
  not_found,             ///< no such job, artifact, session or path
  conflict,              ///< the id is taken by a different request
  not_ended,             ///< the job has no result yet
  already_ended,         ///< the job takes no more input or commands
  payload_too_large,     ///< the body is over the configured limit
  unsupported_media,     ///< the body is not of a type this operation reads
  policy_denied,         ///< the command policy refused the command
  isolation_unavailable, ///< a required isolation layer is not in force here
  rate_limited,          ///< too many requests; try again later
  unavailable,   ///< the node cannot take this now (draining, full disk)
  launch_failed, ///< the launcher could not start or was lost
  internal,      ///< a fault of the node itself
  egress_denied, ///< a job's connection goes where the node lets none go
};

template <>
inline constexpr auto enum_words<ec> = std::to_array<std::string_view>(
  {"none", "invalid_request", "limit_exceeded", "unauthorized", "forbidden",
   "not_found", "conflict", "not_ended", "already_ended", "payload_too_large",
   "unsupported_media", "policy_denied", "isolation_unavailable",
   "rate_limited", "unavailable", "launch_failed", "internal",
   "egress_denied"});

} // namespace ocw

CAF_ERROR_CODE_ENUM(ocw::ec)

namespace ocw {

/// Makes an error: the code for programs, a sentence for people (lower case,
/// no full stop, names the thing), and the request's field it is about, with
/// its path (`limits.memory`), where there is one.
caf::error make_error(ec code, std::string sentence, std::string field = {});

/// The sentence of an error, or the error's own rendering if it is not ours.
std::string sentence_of(const caf::error& err);

/// The path of the field that an error is about; empty if none.
std::string field_of(const caf::error& err);

/// The code of an error; `ec::internal` if it is not ours.
ec code_of(const caf::error& err);

} // namespace ocw
