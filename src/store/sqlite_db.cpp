#include "store/sqlite_db.hpp"

#include "launcher/fd.hpp"
#include "ocw/errors.hpp"

#include <sqlite3.h>

#include <fcntl.h>

#include <cerrno>
#include <cstring>

namespace ocw {

namespace {

// How long to wait for another program that looks into the file.
constexpr int busy_timeout_ms = 5000;

bool is_fault_of_statement(int code) {
  switch (code & 0xff) {
  case SQLITE_TOOBIG:
  case SQLITE_CONSTRAINT:
  case SQLITE_MISMATCH:
  case SQLITE_MISUSE:
  case SQLITE_RANGE:
    return true;
  default:
    return false;
  }
}

caf::error failure(sqlite3* db, const char* verb) {
  const auto code = sqlite3_extended_errcode(db);
  auto sentence
    = std::string{"the job store cannot "} + verb + ": " + sqlite3_errmsg(db);
  const auto basic = code & 0xff;
  if (basic == SQLITE_IOERR || basic == SQLITE_CANTOPEN)
    if (const auto cause = sqlite3_system_errno(db); cause != 0)
      sentence += std::string{" ("} + std::strerror(cause) + ")";
  return make_error(is_fault_of_statement(code) ? ec::internal
                                                : ec::unavailable,
                    std::move(sentence));
}

// SQLite makes its files with the usual mask; its other files copy the mode
// of this one.
bool make_private(const std::string& path) {
  const auto file = launcher::unique_fd{
    ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  return static_cast<bool>(file);
}

} // namespace

// -- sqlite_db ----------------------------------------------------------------

void sqlite_db::closer::operator()(sqlite3* db) const {
  sqlite3_close(db);
}

caf::expected<sqlite_db> sqlite_db::open(const std::string& path) {
  if (!make_private(path))
    return make_error(ec::unavailable,
                      std::string{"the job store cannot be opened: "}
                        + std::strerror(errno));
  auto result = sqlite_db{};
  sqlite3* db = nullptr;
  const auto code = sqlite3_open_v2(
    path.c_str(), &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  result.db_.reset(db);
  if (code != SQLITE_OK)
    return db != nullptr
             ? failure(db, "be opened")
             : make_error(ec::unavailable, "the job store cannot be opened: "
                                           "out of memory");
  sqlite3_busy_timeout(db, busy_timeout_ms);
  return result;
}

caf::error sqlite_db::execute(const char* sql) {
  if (sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK)
    return failure(db_.get(), "write");
  return {};
}

caf::expected<int64_t> sqlite_db::pragma(const std::string& name) {
  const auto query = sqlite_statement::prepare(*this, "PRAGMA " + name);
  if (!query)
    return query.error();
  auto rows = query->with();
  const auto found = rows.step();
  if (!found)
    return found.error();
  return *found ? rows.integer(0) : 0;
}

bool sqlite_db::in_transaction() const {
  return sqlite3_get_autocommit(db_.get()) == 0;
}

int64_t sqlite_db::changes() const {
  return sqlite3_changes(db_.get());
}

int64_t sqlite_db::last_insert_rowid() const {
  return sqlite3_last_insert_rowid(db_.get());
}

// -- sqlite_rows --------------------------------------------------------------

sqlite_rows::~sqlite_rows() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

caf::expected<bool> sqlite_rows::step() {
  if (failed_ == SQLITE_OK) {
    const auto code = sqlite3_step(statement_);
    if (code == SQLITE_ROW)
      return true;
    if (code == SQLITE_DONE)
      return false;
  }
  return failure(sqlite3_db_handle(statement_),
                 sqlite3_stmt_readonly(statement_) != 0 ? "read" : "write");
}

caf::error sqlite_rows::finish() {
  const auto stepped = step();
  return stepped ? caf::error{} : stepped.error();
}

bool sqlite_rows::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

int64_t sqlite_rows::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string_view sqlite_rows::text(int column) const {
  // The size is only right after the conversion that the text asks for.
  const auto* bytes = sqlite3_column_text(statement_, column);
  const auto size = sqlite3_column_bytes(statement_, column);
  return {reinterpret_cast<const char*>(bytes), static_cast<size_t>(size)};
}

std::string_view sqlite_rows::blob(int column) const {
  const auto* bytes = sqlite3_column_blob(statement_, column);
  const auto size = sqlite3_column_bytes(statement_, column);
  return {static_cast<const char*>(bytes), static_cast<size_t>(size)};
}

void sqlite_rows::bind(int index, int64_t value) {
  note(sqlite3_bind_int64(statement_, index, value));
}

void sqlite_rows::bind(int index, std::string_view text) {
  note(sqlite3_bind_text64(statement_, index, text.data(), text.size(),
                           SQLITE_STATIC, SQLITE_UTF8));
}

void sqlite_rows::bind(int index, sqlite_blob value) {
  note(sqlite3_bind_blob64(statement_, index, value.bytes.data(),
                           value.bytes.size(), SQLITE_STATIC));
}

void sqlite_rows::note(int code) {
  if (failed_ == SQLITE_OK)
    failed_ = code;
}

// -- sqlite_statement ---------------------------------------------------------

void sqlite_statement::finalizer::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

caf::expected<sqlite_statement>
sqlite_statement::prepare(const sqlite_db& db, std::string_view sql) {
  auto result = sqlite_statement{};
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(db.handle(), sql.data(), static_cast<int>(sql.size()),
                         SQLITE_PREPARE_PERSISTENT, &statement, nullptr)
      != SQLITE_OK)
    return failure(db.handle(), "be used");
  result.statement_.reset(statement);
  return result;
}

} // namespace ocw
