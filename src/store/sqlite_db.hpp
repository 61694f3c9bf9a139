#pragma once

#include <caf/error.hpp>
#include <caf/expected.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace ocw {

/// One connection to an SQLite database. Not thread-safe. Errors are
/// `ec::unavailable` with SQLite's own sentence when the database as a whole
/// is in trouble (full, broken, locked), `ec::internal` when only the one
/// statement was at fault.
class sqlite_db {
public:
  /// Opens the file, or makes it, for the owner alone.
  static caf::expected<sqlite_db> open(const std::string& path);

  /// Runs statements that have no parameters and whose rows nobody needs.
  caf::error execute(const char* sql);

  /// The value of a pragma that is a number, such as "user_version".
  caf::expected<int64_t> pragma(const std::string& name);

  /// True between BEGIN and COMMIT or ROLLBACK.
  bool in_transaction() const;

  /// Rows that the last INSERT, UPDATE or DELETE changed.
  int64_t changes() const;

  int64_t last_insert_rowid() const;

  sqlite3* handle() const { return db_.get(); }

private:
  struct closer {
    void operator()(sqlite3* db) const;
  };

  std::unique_ptr<sqlite3, closer> db_;
};

/// Bytes that are not text, as a parameter. Null pointers are NULL, here and
/// in texts.
struct sqlite_blob {
  std::string_view bytes;
};

/// A prepared statement on its way through its rows. Starts over, and lets go
/// of its parameters, when destroyed.
class sqlite_rows {
public:
  template <class... Ts>
  explicit sqlite_rows(sqlite3_stmt* statement, const Ts&... values)
    : statement_(statement) {
    [[maybe_unused]] auto index = 0;
    (bind(++index, values), ...);
  }
  sqlite_rows(const sqlite_rows&) = delete;
  sqlite_rows& operator=(const sqlite_rows&) = delete;
  ~sqlite_rows();

  /// Goes to the next row; false when there is none. Statements without rows
  /// do their work in the first step.
  caf::expected<bool> step();

  /// The one step of a statement without rows.
  caf::error finish();

  // Columns count from 0. Texts and blobs hold until the next step.
  bool is_null(int column) const;
  int64_t integer(int column) const;
  std::string_view text(int column) const;
  std::string_view blob(int column) const;

private:
  void bind(int index, int64_t value);
  void bind(int index, std::string_view text);
  void bind(int index, sqlite_blob value);
  void note(int code);

  sqlite3_stmt* statement_;
  int failed_ = 0; // the first code that was not SQLITE_OK while binding
};

/// A statement, prepared once and used often.
class sqlite_statement {
public:
  sqlite_statement() = default;

  static caf::expected<sqlite_statement> prepare(const sqlite_db& db,
                                                 std::string_view sql);

  /// Starts it with the values for ?1, ?2 and so on. Texts and blobs are not
  /// copied: they must stay until the rows are gone. One use at a time.
  template <class... Ts>
  sqlite_rows with(const Ts&... values) const {
    return sqlite_rows{statement_.get(), values...};
  }

private:
  struct finalizer {
    void operator()(sqlite3_stmt* statement) const;
  };

  std::unique_ptr<sqlite3_stmt, finalizer> statement_;
};

} // namespace ocw
