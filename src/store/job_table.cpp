#include "store/job_table.hpp"

#include "messages/job_request.hpp"
#include "messages/json_reader.hpp"
#include "messages/json_writer.hpp"
#include "messages/log.hpp"
#include "ocw/errors.hpp"
#include "store/job_rows.hpp"
#include "store/job_schema.hpp"

#include <utility>

namespace ocw {

namespace {

// A longer request would make its row spill over several pages.
constexpr size_t max_inline_request = 2048;

using secret_map = std::map<std::string, std::string>;

} // namespace

// -- opening ------------------------------------------------------------------

job_table::job_table(sqlite_db db, std::unique_ptr<const vault> keys)
  : keys_(std::move(keys)), db_(std::move(db)) {
}

caf::expected<std::unique_ptr<job_table>>
job_table::open(const std::string& path, std::unique_ptr<const vault> keys) {
  auto db = sqlite_db::open(path);
  if (!db)
    return std::move(db.error());
  if (auto failed = prepare_job_schema(*db, path))
    return failed;
  auto result = std::unique_ptr<job_table>{
    new job_table{std::move(*db), std::move(keys)}};
  if (auto failed = result->prepare())
    return failed;
  return result;
}

caf::error job_table::prepare() {
  const std::pair<sqlite_statement*, const char*> all[]
    = {{&insert_, "INSERT INTO jobs (id, status, created_ms, labels, digest,"
                  " sealed, record, request) VALUES (?1,?2,?3,?4,?5,?6,?7,?8)"
                  " ON CONFLICT (id) DO NOTHING"},
       {&insert_large_, "INSERT INTO large_requests VALUES (?1, ?2)"},
       {&find_, "SELECT record, digest FROM jobs WHERE id = ?1"},
       {&update_, "UPDATE jobs SET status = ?2, record = ?3 WHERE id = ?1"},
       {&end_, "UPDATE jobs SET status = ?2, record = ?3, sealed = NULL"
               " WHERE id = ?1"},
       {&erase_large_, "DELETE FROM large_requests"
                       " WHERE seq = (SELECT seq FROM jobs WHERE id = ?1)"},
       {&erase_, "DELETE FROM jobs WHERE id = ?1"},
       {&list_all_, "SELECT seq, labels, id, record FROM jobs WHERE seq < ?1"
                    " ORDER BY seq DESC"},
       {&list_status_, "SELECT seq, labels, id, record FROM jobs"
                       " WHERE seq < ?1 AND status = ?2 ORDER BY seq DESC"},
       {&list_label_, "SELECT jobs.seq, labels, id, record"
                      " FROM job_labels CROSS JOIN jobs USING (seq)"
                      " WHERE job_labels.seq < ?1 AND key = ?2 AND value = ?3"
                      " ORDER BY job_labels.seq DESC"},
       {&unfinished_, "SELECT jobs.id, record, sealed,"
                      " coalesce(jobs.request, large_requests.request)"
                      " FROM jobs LEFT JOIN large_requests USING (seq)"
                      " WHERE status IN (0, 1) ORDER BY jobs.seq"}};
  static_assert(static_cast<int>(job_status::pending) == 0);
  static_assert(static_cast<int>(job_status::running) == 1);
  for (const auto& [statement, sql] : all) {
    auto prepared = sqlite_statement::prepare(db_, sql);
    if (!prepared)
      return std::move(prepared.error());
    *statement = std::move(*prepared);
  }
  return {};
}

// -- transactions -------------------------------------------------------------

caf::error job_table::begin() {
  return db_.execute("BEGIN IMMEDIATE");
}

caf::error job_table::commit() {
  return db_.execute("COMMIT");
}

// SQLite has done it already after some errors.
void job_table::roll_back() {
  if (db_.in_transaction())
    static_cast<void>(db_.execute("ROLLBACK"));
}

caf::error job_table::try_writing() {
  static_assert(job_schema_version == 2);
  return db_.execute("PRAGMA user_version = 2");
}

// -- rows ---------------------------------------------------------------------

// Two requests are the same when this is: the request without its secrets,
// then the secrets. Nobody can try out secrets on the digest without the key.
insert_outcome job_table::insert(const job_record& record,
                                 const job_request& request) {
  record_.clear();
  labels_.clear();
  request_.clear();
  sealed_.clear();
  write_json(record_, record);
  write_json(labels_, record.labels);
  write_request_without_secrets(request_, request);
  if (request.secrets.empty()) {
    digest_ = keys_->digest(request_);
  } else {
    auto secrets = std::string{};
    write_json(secrets, request.secrets);
    auto whole = request_ + secrets;
    digest_ = keys_->digest(whole);
    wipe(whole);
    auto sealed = keys_->seal(secrets, record.job_id);
    wipe(secrets);
    if (!sealed)
      return {std::move(sealed.error()), {}, false};
    sealed_ = std::move(*sealed);
  }
  if (auto failed = insert_row(record))
    return {std::move(failed), {}, false};
  return db_.changes() > 0 ? insert_outcome{} : find_existing(record.job_id);
}

caf::error job_table::insert_row(const job_record& record) {
  const auto large = request_.size() > max_inline_request;
  const auto request = large ? std::string_view{} : std::string_view{request_};
  const auto sealed
    = sealed_.empty() ? std::string_view{} : std::string_view{sealed_};
  auto failed = insert_
                  .with(record.job_id, static_cast<int64_t>(record.status),
                        record.created_unix_ms, labels_, sqlite_blob{digest_},
                        sqlite_blob{sealed}, record_, request)
                  .finish();
  if (failed || !large || db_.changes() == 0)
    return failed;
  return insert_large_.with(db_.last_insert_rowid(), request_).finish();
}

insert_outcome job_table::find_existing(const std::string& job_id) {
  auto rows = find_.with(job_id);
  const auto found = rows.step();
  if (!found)
    return {found.error(), {}, false};
  auto record = read_record(job_id, rows.text(0));
  if (!record)
    return {std::move(record.error()), {}, false};
  return {{}, std::move(*record), rows.blob(1) == digest_};
}

caf::error job_table::update(const job_record& record) {
  record_.clear();
  write_json(record_, record);
  const auto& statement = is_terminal(record.status) ? end_ : update_;
  auto failed
    = statement
        .with(record.job_id, static_cast<int64_t>(record.status), record_)
        .finish();
  if (!failed && db_.changes() == 0)
    return make_error(ec::not_found, "there is no such job in the store");
  return failed;
}

caf::error job_table::erase(const std::string& job_id) {
  if (auto failed = erase_large_.with(job_id).finish())
    return failed;
  return erase_.with(job_id).finish();
}

caf::expected<std::optional<job_record>>
job_table::load(const std::string& job_id) {
  auto rows = find_.with(job_id);
  const auto found = rows.step();
  if (!found)
    return found.error();
  if (!*found)
    return std::optional<job_record>{};
  auto record = read_record(job_id, rows.text(0));
  if (!record)
    return std::move(record.error());
  return std::optional<job_record>{std::move(*record)};
}

// -- lists --------------------------------------------------------------------

// What is rarest leads; the filter does the rest.
sqlite_rows job_table::candidates(const job_query& query,
                                  int64_t before) const {
  if (!query.labels.empty()) {
    const auto& [key, value] = *query.labels.begin();
    return list_label_.with(before, key, value);
  }
  return query.status
           ? list_status_.with(before, static_cast<int64_t>(*query.status))
           : list_all_.with(before);
}

caf::expected<job_page> job_table::list(const job_query& query,
                                        const unwritten_records& unwritten) {
  const auto filter = job_filter::make(query);
  if (!filter)
    return filter.error();
  auto page = job_page{};
  auto last = int64_t{0};
  auto rows = candidates(query, filter->before());
  for (;;) {
    const auto more = rows.step();
    if (!more)
      return more.error();
    if (!*more)
      return page;
    if (!filter->may_match(rows.text(1)))
      continue;
    const auto newer = unwritten.find(rows.text(2));
    const auto record = newer != unwritten.end()
                          ? caf::expected<job_record>{*newer->second}
                          : read_record(rows.text(2), rows.text(3));
    if (!record || !filter->matches(*record))
      continue;
    if (page.jobs.size() == query.limit) {
      page.next_cursor = std::to_string(last);
      return page;
    }
    page.jobs.push_back(state_of(*record));
    last = rows.integer(0);
  }
}

caf::expected<std::vector<stored_job>> job_table::unfinished() {
  auto result = std::vector<stored_job>{};
  auto rows = unfinished_.with();
  for (;;) {
    const auto more = rows.step();
    if (!more)
      return more.error();
    if (!*more)
      return result;
    if (auto job = restore(rows))
      result.push_back(std::move(*job));
  }
}

caf::expected<stored_job> job_table::restore(const sqlite_rows& row) const {
  const auto job_id = std::string{row.text(0)};
  auto record = read_record(job_id, row.text(1));
  if (!record)
    return std::move(record.error());
  auto request = read_request(job_id, row.text(3));
  if (!request)
    return std::move(request.error());
  if (!row.is_null(2))
    request->secrets = open_secrets(job_id, row.blob(2));
  return stored_job{std::move(*record), std::move(*request)};
}

// A job whose secrets are lost comes back without them: that it was accepted
// must not be forgotten.
secret_map job_table::open_secrets(const std::string& job_id,
                                   std::string_view sealed) const {
  auto text = keys_->open(sealed, job_id);
  if (!text) {
    log::error("store.secrets_lost", {job_id}, "{}", sentence_of(text.error()));
    return {};
  }
  auto secrets = read_json<secret_map>(*text);
  wipe(*text);
  if (!secrets) {
    log::error("store.secrets_lost", {job_id}, "they are not what was sealed");
    return {};
  }
  return std::move(*secrets);
}

} // namespace ocw
