#pragma once

#include "ocw/messages/job.hpp"

#include <caf/error.hpp>
#include <caf/expected.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ocw {

// Bounds of a request that hold on every node. Those that a node sets for
// itself are in request_limits.hpp.
inline constexpr auto max_files = size_t{100'000};
inline constexpr auto max_path_bytes = size_t{4096};
inline constexpr auto max_name_bytes = size_t{255};
inline constexpr auto min_chunk_size = uint32_t{4};
inline constexpr auto max_chunk_size = uint32_t{1} << 20;
inline constexpr auto max_pids = uint32_t{4'194'304}; ///< PID_MAX_LIMIT
inline constexpr auto max_metadata_bytes = size_t{4096};
inline constexpr auto max_pairs = size_t{64};       ///< labels, constraints
inline constexpr auto max_pair_bytes = size_t{256}; ///< a key, or a value
inline constexpr auto max_globs = size_t{1000};
inline constexpr auto max_layers = size_t{64};
inline constexpr auto max_wait_ms = uint64_t{366} * 24 * 3600 * 1000;

/// The longest single argument or environment entry that Linux passes to a
/// program (MAX_ARG_STRLEN less the terminator).
inline constexpr auto max_argument_bytes = size_t{131'071};

/// Reads a request and checks it. Errors are `ec::invalid_request` and name
/// the field with its path.
caf::expected<job_request> parse_job_request(std::string_view body);

/// Checks what a request's types cannot say: for requests that came some other
/// way than `parse_job_request`. The first problem, or no error.
caf::error check(const job_request& request);

/// Checks the paths of `files`; part of `check`.
caf::error check_files(const job_request& request);

/// What is wrong with `path` as a path below a session's directory, as the end
/// of a sentence ("leaves the work directory"); empty if nothing is.
std::string_view problem_with_path(std::string_view path);

/// Appends a request as compact JSON without its secrets, as the store keeps
/// it. `read_json<job_request>` reads it back; fields at their defaults are
/// left out.
void write_request_without_secrets(std::string& out,
                                   const job_request& request);

} // namespace ocw
