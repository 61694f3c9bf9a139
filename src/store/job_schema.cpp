#include "store/job_schema.hpp"

#include "ocw/errors.hpp"

#include <spdlog/fmt/fmt.h>

#include <string_view>

namespace ocw {

namespace {

// "OCWj": tells our files from those of other programs.
constexpr int64_t application_id = 0x4f43576a;

// synchronous=FULL: a commit has reached the disk when it returns.
// secure_delete: what is sealed does not linger in pages that are free again;
// it costs nothing that could be measured.
constexpr const char* settings = R"(
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA secure_delete = ON;
  PRAGMA journal_size_limit = 16777216;
)";

// `labels` stands before the large columns, so that filtering reads little.
// Requests that would spill a row over several pages have a table of their
// own: a row is written anew at every change of state.
constexpr const char* tables = R"(
  BEGIN IMMEDIATE;
  CREATE TABLE jobs (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    status INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    labels TEXT NOT NULL,
    digest BLOB NOT NULL,
    sealed BLOB,
    record TEXT NOT NULL,
    request TEXT
  );
  CREATE INDEX jobs_by_status ON jobs(status);
  CREATE TABLE large_requests (
    seq INTEGER PRIMARY KEY,
    request TEXT NOT NULL
  );
  PRAGMA application_id = {};
  PRAGMA user_version = 1;
  COMMIT;
)";

// Since version 2. A job's labels never change, so triggers keep this in step.
constexpr const char* label_tables = R"(
  BEGIN IMMEDIATE;
  CREATE TABLE job_labels (
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (key, value, seq)
  ) WITHOUT ROWID;
  CREATE TRIGGER labels_come AFTER INSERT ON jobs WHEN NEW.labels <> '{{}}'
  BEGIN
    INSERT INTO job_labels SELECT key, value, NEW.seq
      FROM json_each(NEW.labels);
  END;
  CREATE TRIGGER labels_go AFTER DELETE ON jobs WHEN OLD.labels <> '{{}}'
  BEGIN
    DELETE FROM job_labels WHERE (key, value, seq) IN
      (SELECT key, value, OLD.seq FROM json_each(OLD.labels));
  END;
  INSERT INTO job_labels SELECT pair.key, pair.value, jobs.seq
    FROM jobs, json_each(jobs.labels) AS pair;
  PRAGMA user_version = {};
  COMMIT;
)";

caf::error refuse(const std::string& path, std::string_view why) {
  return make_error(ec::unavailable,
                    fmt::format("store.dir: '{}' {}", path, why), "store.dir");
}

caf::error check_owner(sqlite_db& db, const std::string& path) {
  const auto owner = db.pragma("application_id");
  if (!owner)
    return refuse(path, fmt::format("cannot be used: {}; move it away to start "
                                    "with an empty store",
                                    sentence_of(owner.error())));
  const auto version = db.pragma("user_version");
  const auto changes = db.pragma("schema_version");
  if (!version || !changes)
    return version ? changes.error() : version.error();
  const auto is_new = *owner == 0 && *version == 0 && *changes == 0;
  if (!is_new && *owner != application_id)
    return refuse(path, "is the database of another program");
  if (*version > job_schema_version)
    return refuse(path, fmt::format("was written by a newer version of this "
                                    "program (its tables are version {}, this "
                                    "program knows {}); use that version, or "
                                    "another store.dir",
                                    *version, job_schema_version));
  return {};
}

} // namespace

caf::error prepare_job_schema(sqlite_db& db, const std::string& path) {
  if (auto refused = check_owner(db, path))
    return refused;
  if (auto failed = db.execute(settings))
    return failed;
  const auto version = db.pragma("user_version");
  if (!version)
    return version.error();
  if (*version == job_schema_version)
    return {};
  if (*version == 0)
    if (auto failed = db.execute(fmt::format(tables, application_id).c_str()))
      return failed;
  return db.execute(fmt::format(label_tables, job_schema_version).c_str());
}

} // namespace ocw
