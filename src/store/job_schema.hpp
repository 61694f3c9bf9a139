#pragma once

#include "store/sqlite_db.hpp"

#include <caf/error.hpp>

#include <string>

namespace ocw {

/// The version of the tables that this program reads and writes.
inline constexpr int job_schema_version = 2;

/// Sets the connection up for durable commits, and makes the tables in a new
/// file. Refuses a file that is no database, another program's, or of a newer
/// version; `path` is for the error's sentence.
caf::error prepare_job_schema(sqlite_db& db, const std::string& path);

} // namespace ocw
