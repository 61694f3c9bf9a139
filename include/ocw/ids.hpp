#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ocw {

/// A new UUIDv7 (RFC 9562, section 5.7): 48 bits of Unix time in
/// milliseconds, then random bits from the kernel. Thread-safe.
std::string make_uuid_v7();

/// True for 1 to 128 characters of `A-Za-z0-9._-` that do not begin with `.`
/// or `-`, so that an id is always safe as a file name and as an argument.
bool is_valid_job_id(std::string_view id);

/// Milliseconds since the Unix epoch, by the system's clock.
int64_t now_unix_ms();

/// `2026-01-19T21:30:00.123Z` for milliseconds since the Unix epoch.
std::string iso_time(int64_t unix_ms);

} // namespace ocw
