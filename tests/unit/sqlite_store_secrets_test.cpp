#include "support/store_fixture.hpp"
#include "support/texts.hpp"

#include <sqlite3.h>

namespace {

using namespace ocw;
using test::has;
using test::store_fixture;
using test::with_secret;

} // namespace

TEST_CASE_METHOD(store_fixture, "no file of the store has a secret in clear",
                 "[store]") {
  const auto secret = std::string{"correct-horse-battery-staple"};
  insert(with_secret("a", secret));
  REQUIRE(has(raw_bytes(), "echo a"));
  CHECK_FALSE(has(raw_bytes(), secret));
  CHECK_FALSE(update("a", job_status::finished));
  CHECK_FALSE(has(raw_bytes(), secret));
  close();
  CHECK_FALSE(has(raw_bytes(), secret));
}

TEST_CASE_METHOD(store_fixture, "even sealed secrets go when the job ends",
                 "[store]") {
  // Longer than a page, so that they are in pages of their own, too.
  for (const auto length : {size_t{100}, size_t{9000}}) {
    insert(with_secret("a", std::string(length, 's')));
    close();
    sqlite3* db = nullptr;
    sqlite3_stmt* query = nullptr;
    sqlite3_open(file("jobs.sqlite").c_str(), &db);
    sqlite3_prepare_v2(db, "SELECT sealed FROM jobs", -1, &query, nullptr);
    REQUIRE(sqlite3_step(query) == SQLITE_ROW);
    const auto sealed
      = std::string(static_cast<const char*>(sqlite3_column_blob(query, 0)),
                    static_cast<size_t>(sqlite3_column_bytes(query, 0)));
    sqlite3_finalize(query);
    sqlite3_close(db);
    REQUIRE(sealed.size() > length);
    REQUIRE(has(raw_bytes(), sealed.substr(0, 64)));
    CHECK_FALSE(update("a", job_status::finished));
    close();
    CHECK_FALSE(has(raw_bytes(), sealed.substr(0, 64)));
    CHECK_FALSE(has(raw_bytes(), sealed.substr(sealed.size() - 64)));
    CHECK_FALSE(erase("a"));
  }
}

TEST_CASE_METHOD(store_fixture, "the store is its owner's alone", "[store]") {
  insert("a");
  for (const auto& entry : std::filesystem::directory_iterator{dir}) {
    INFO(entry.path());
    CHECK((static_cast<unsigned>(entry.status().permissions()) & 077) == 0);
  }
  CHECK(
    (static_cast<unsigned>(std::filesystem::status(dir).permissions()) & 077)
    == 0);
}
