#pragma once

#include "ocw/messages/job.hpp"
#include "ocw/messages/listing.hpp"
#include "store/job_store.hpp"
#include "store/sqlite_db.hpp"
#include "store/vault.hpp"

#include <caf/error.hpp>
#include <caf/expected.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ocw {

/// New states of jobs, by id, that could not be written yet.
using unwritten_records
  = std::map<std::string, std::shared_ptr<const job_record>, std::less<>>;

/// The jobs as rows of a database. Not thread-safe. `ec::unavailable` means
/// the database is in trouble and the transaction is to be rolled back; any
/// other error is about the one job.
class job_table {
public:
  /// Opens the table, or makes it. An error's sentence says what is wrong with
  /// the file and what to do.
  static caf::expected<std::unique_ptr<job_table>>
  open(const std::string& path, std::unique_ptr<const vault> keys);

  // -- transactions -----------------------------------------------------------

  caf::error begin();
  caf::error commit();
  void roll_back();

  /// Writes something that changes nothing, to see whether writing works.
  caf::error try_writing();

  // -- rows -------------------------------------------------------------------

  insert_outcome insert(const job_record& record, const job_request& request);

  /// `ec::not_found` when there is no such job.
  caf::error update(const job_record& record);

  caf::error erase(const std::string& job_id);

  caf::expected<std::optional<job_record>> load(const std::string& job_id);

  /// Lists what is in the table, with `unwritten` in place of older records.
  caf::expected<job_page> list(const job_query& query,
                               const unwritten_records& unwritten);

  caf::expected<std::vector<stored_job>> unfinished();

private:
  job_table(sqlite_db db, std::unique_ptr<const vault> keys);

  caf::error prepare();
  caf::error insert_row(const job_record& record);
  insert_outcome find_existing(const std::string& job_id);
  sqlite_rows candidates(const job_query& query, int64_t before) const;
  caf::expected<stored_job> restore(const sqlite_rows& row) const;
  std::map<std::string, std::string>
  open_secrets(const std::string& job_id, std::string_view sealed) const;

  std::unique_ptr<const vault> keys_;
  sqlite_db db_; // outlives its statements
  sqlite_statement insert_;
  sqlite_statement insert_large_;
  sqlite_statement find_;
  sqlite_statement update_;
  sqlite_statement end_;
  sqlite_statement erase_large_;
  sqlite_statement erase_;
  sqlite_statement list_all_;
  sqlite_statement list_status_;
  sqlite_statement list_label_;
  sqlite_statement unfinished_;
  // What the row of a new job is made of; the buffers are used again.
  std::string record_;
  std::string request_;
  std::string labels_;
  std::string digest_;
  std::string sealed_;
};

} // namespace ocw
