#include "support/store_fixture.hpp"
#include "support/texts.hpp"

#include <sqlite3.h>
#include <sys/stat.h>

namespace {

using namespace ocw;
using test::has;
using test::store_fixture;

/// Does something to the file behind the store's back.
void run_sql(const std::string& file, const std::string& sql) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(file.c_str(), &db) == SQLITE_OK);
  char* problem = nullptr;
  const auto code = sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &problem);
  INFO((problem != nullptr ? problem : ""));
  CHECK(code == SQLITE_OK);
  sqlite3_free(problem);
  sqlite3_close(db);
}

std::string why_refused(store_fixture& fixture) {
  const auto opened = fixture.open();
  REQUIRE_FALSE(opened);
  CHECK(code_of(opened.error()) == ec::unavailable);
  CHECK(field_of(opened.error()) == "store.dir");
  return sentence_of(opened.error());
}

} // namespace

TEST_CASE_METHOD(store_fixture, "a damaged row is that job's trouble alone",
                 "[store]") {
  insert("a");
  insert("b");
  insert("c");
  close();
  run_sql(file("jobs.sqlite"),
          "UPDATE jobs SET record = substr(record, 2) WHERE id = 'b';"
          "UPDATE jobs SET request = 'x' WHERE id = 'c'");
  const auto found = load("b");
  REQUIRE_FALSE(found);
  CHECK(code_of(found.error()) == ec::internal);
  CHECK(code_of(insert("b").error) == ec::internal);
  CHECK(list({})->jobs.size() == 2);
  const auto left = store().unfinished();
  REQUIRE(left);
  REQUIRE(left->size() == 1);
  CHECK(left->at(0).record.job_id == "a");
  CHECK_FALSE(store().health());
}

TEST_CASE_METHOD(store_fixture, "a file that is no database is refused",
                 "[store]") {
  insert("a");
  close();
  std::ofstream{file("jobs.sqlite")} << std::string(8192, 'x');
  const auto why = why_refused(*this);
  CHECK(has(why, file("jobs.sqlite")));
  CHECK(has(why, "not a database"));
}

TEST_CASE_METHOD(store_fixture, "another program's database is refused",
                 "[store]") {
  std::filesystem::create_directory(dir);
  run_sql(file("jobs.sqlite"), "CREATE TABLE bookmarks (url TEXT)");
  CHECK(has(why_refused(*this), "another program"));
}

TEST_CASE_METHOD(store_fixture, "a newer version's database is refused",
                 "[store]") {
  insert("a");
  close();
  run_sql(file("jobs.sqlite"), "PRAGMA user_version = 3");
  CHECK(has(why_refused(*this), "newer version"));
}

TEST_CASE_METHOD(store_fixture,
                 "the labels of an older version's database are found",
                 "[store]") {
  auto record = *test::make_record("a");
  record.labels = {{"owner", "ann"}, {"quote\"", "back\\slash"}};
  wait<insert_outcome>([&](auto done) {
    store().insert(std::make_shared<const job_record>(record),
                   test::make_request("a"), done);
  });
  insert("b");
  close();
  run_sql(file("jobs.sqlite"), "DROP TRIGGER labels_come;"
                               "DROP TRIGGER labels_go;"
                               "DROP TABLE job_labels;"
                               "PRAGMA user_version = 1");
  auto query = job_query{};
  query.labels = {{"quote\"", "back\\slash"}};
  CHECK(list(query)->jobs.size() == 1);
  // What is forgotten leaves nothing: these would be in the way.
  CHECK_FALSE(erase("a"));
  CHECK(list(query)->jobs.empty());
  close();
  run_sql(file("jobs.sqlite"), "INSERT INTO job_labels"
                               " VALUES ('owner', 'ann', 1)");
}

TEST_CASE_METHOD(store_fixture, "two nodes cannot share a store", "[store]") {
  insert("a");
  CHECK(has(why_refused(*this), "another node"));
  close();
  CHECK(open());
}

TEST_CASE_METHOD(store_fixture, "a key that others can read stops the start",
                 "[store]") {
  insert("a");
  close();
  REQUIRE(::chmod(file("key").c_str(), 0644) == 0);
  CHECK(has(why_refused(*this), "others than its owner"));
}
