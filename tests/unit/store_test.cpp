#include "store/sqlite_store.hpp"

#include "ocw/errors.hpp"
#include "ocw/ids.hpp"
#include "store/vault.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <sqlite3.h>

#include <sys/stat.h>

#include <atomic>
#include <future>
#include <thread>

using namespace ocw;

namespace {

std::shared_ptr<job_record> record_for(const std::string& id) {
  auto record = std::make_shared<job_record>();
  record->job_id = id;
  record->session_id = "s-" + id;
  return record;
}

std::shared_ptr<job_request> request_for(const std::string& id) {
  auto request = std::make_shared<job_request>();
  request->job_id = id;
  request->command = "true";
  return request;
}

struct stored {
  test::temp_dir dir;
  std::unique_ptr<job_store> store;

  stored() { reopen(); }

  void reopen() {
    store.reset();
    auto opened = open_sqlite_store({dir.path()});
    REQUIRE(opened);
    store = std::move(*opened);
  }
  insert_outcome insert(std::shared_ptr<job_record> record,
                        std::shared_ptr<job_request> request) {
    auto promise = std::promise<insert_outcome>{};
    store->insert(std::move(record), std::move(request),
                  [&](insert_outcome x) { promise.set_value(std::move(x)); });
    return promise.get_future().get();
  }
  insert_outcome insert(const std::string& id) {
    return insert(record_for(id), request_for(id));
  }
  caf::error update(std::shared_ptr<job_record> record) {
    auto promise = std::promise<caf::error>{};
    store->update(std::move(record),
                  [&](caf::error x) { promise.set_value(std::move(x)); });
    return promise.get_future().get();
  }
  std::optional<job_record> load(const std::string& id) {
    auto promise = std::promise<std::optional<job_record>>{};
    store->load(id, [&](caf::expected<std::optional<job_record>> x) {
      promise.set_value(x ? *x : std::nullopt);
    });
    return promise.get_future().get();
  }
  caf::expected<job_page> list(job_query query) {
    auto promise = std::promise<caf::expected<job_page>>{};
    store->list(std::move(query), [&](caf::expected<job_page> x) {
      promise.set_value(std::move(x));
    });
    return promise.get_future().get();
  }
  bool anywhere(const std::string& text) {
    for (const auto& file :
         std::filesystem::recursive_directory_iterator(dir.path()))
      if (file.is_regular_file()
          && test::read_file(file.path()).find(text) != std::string::npos)
        return true;
    return false;
  }
};

} // namespace

TEST_CASE_METHOD(stored, "what was inserted is there after a restart",
                 "[store]") {
  CHECK_FALSE(insert("a").error);
  reopen();
  REQUIRE(load("a"));
  CHECK(load("a")->session_id == "s-a");
  CHECK_FALSE(load("b"));
  const auto left = store->unfinished();
  REQUIRE(left->size() == 1);
  CHECK(left->front().request.command == "true");
}

TEST_CASE_METHOD(stored, "an id is taken once, and the request is remembered",
                 "[store]") {
  insert("a");
  const auto same = insert("a");
  REQUIRE(same.existing);
  CHECK(same.same_request);
  auto other = request_for("a");
  other->command = "false";
  const auto different = insert(record_for("a"), other);
  REQUIRE(different.existing);
  CHECK_FALSE(different.same_request);
  other = request_for("a");
  other->secrets = {{"K", "value"}};
  CHECK_FALSE(insert(record_for("a"), other).same_request);
}

TEST_CASE_METHOD(stored, "a read sees every change that was told before it",
                 "[store]") {
  insert("a");
  auto record = record_for("a");
  record->status = job_status::running;
  store->update(record, {});
  CHECK(load("a")->status == job_status::running);
  auto ended = record_for("a");
  ended->status = job_status::failed;
  ended->exit_code = 7;
  ended->phases = {{phase::init, 5}};
  store->update(ended, {});
  const auto found = load("a");
  CHECK(found->exit_code == 7);
  CHECK(found->phases.size() == 1);
  CHECK(store->unfinished()->empty());
}

TEST_CASE_METHOD(stored, "changes are written when the store closes",
                 "[store]") {
  insert("a");
  auto ended = record_for("a");
  ended->status = job_status::finished;
  store->update(ended, {});
  reopen();
  CHECK(load("a")->status == job_status::finished);
}

TEST_CASE_METHOD(stored, "secrets come back until the job ends, and are "
                         "readable in no file",
                 "[store]") {
  const auto secret = "hunter2-" + make_uuid_v7();
  auto request = request_for("a");
  request->secrets = {{"API_KEY", secret}};
  insert(record_for("a"), request);
  CHECK_FALSE(anywhere(secret));
  reopen();
  auto left = store->unfinished();
  REQUIRE(left->size() == 1);
  CHECK(left->front().request.secrets.at("API_KEY") == secret);
  auto ended = record_for("a");
  ended->status = job_status::finished;
  update(ended);
  reopen();
  CHECK_FALSE(anywhere(secret));
}

TEST_CASE_METHOD(stored, "many threads insert at once, and all of it is kept",
                 "[store]") {
  auto threads = std::vector<std::thread>{};
  auto failures = std::atomic<int>{0};
  for (auto t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (auto i = 0; i < 25; ++i)
        if (insert(std::to_string(t) + "-" + std::to_string(i)).error)
          ++failures;
    });
  for (auto& thread : threads)
    thread.join();
  CHECK(failures == 0);
  reopen();
  CHECK(store->unfinished()->size() == 200);
}

TEST_CASE_METHOD(stored, "a listing goes from the newest to the oldest in "
                         "pages",
                 "[store]") {
  for (auto i = 0; i < 5; ++i)
    insert("j" + std::to_string(i));
  auto query = job_query{};
  query.limit = 2;
  auto ids = std::vector<std::string>{};
  for (;;) {
    const auto page = list(query);
    REQUIRE(page);
    for (const auto& job : page->jobs)
      ids.push_back(job.job_id);
    if (page->next_cursor.empty())
      break;
    query.cursor = page->next_cursor;
  }
  CHECK(ids == std::vector<std::string>{"j4", "j3", "j2", "j1", "j0"});
  query.cursor = "nonsense";
  CHECK(code_of(list(query).error()) == ec::invalid_request);
}

TEST_CASE_METHOD(stored, "a listing filters by status and labels", "[store]") {
  auto labelled = record_for("a");
  labelled->labels = {{"owner", "me"}, {"x\"y", "1"}};
  insert(labelled, request_for("a"));
  insert("b");
  auto query = job_query{};
  query.labels = {{"owner", "me"}, {"x\"y", "1"}};
  CHECK(list(query)->jobs.size() == 1);
  query.labels = {{"owner", "you"}};
  CHECK(list(query)->jobs.empty());
  query.labels.clear();
  query.status = job_status::running;
  CHECK(list(query)->jobs.empty());
  query.status = job_status::pending;
  CHECK(list(query)->jobs.size() == 2);
}

TEST_CASE_METHOD(stored, "a damaged row is reported, and the others are "
                         "served",
                 "[store]") {
  insert("a");
  insert("b");
  store.reset();
  auto* db = static_cast<sqlite3*>(nullptr);
  const auto path = dir / "jobs.sqlite";
  REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
  REQUIRE(sqlite3_exec(db, "UPDATE jobs SET record = '{' WHERE id = 'a'",
                       nullptr, nullptr, nullptr)
          == SQLITE_OK);
  sqlite3_close(db);
  reopen();
  CHECK(list({})->jobs.size() == 1);
  CHECK_FALSE(load("a"));
  CHECK(load("b"));
  CHECK(store->unfinished()->size() == 1);
}

TEST_CASE("a file that is no database is refused in words", "[store]") {
  const auto dir = test::temp_dir{};
  test::write_file(dir / "jobs.sqlite", std::string(8192, 'x'));
  const auto opened = open_sqlite_store({dir.path()});
  REQUIRE_FALSE(opened);
  CHECK(sentence_of(opened.error()).find("jobs.sqlite") != std::string::npos);
  CHECK(field_of(opened.error()) == "store.dir");
}

TEST_CASE("a database of a newer version is refused in words", "[store]") {
  const auto dir = test::temp_dir{};
  auto* db = static_cast<sqlite3*>(nullptr);
  REQUIRE(sqlite3_open((dir / "jobs.sqlite").c_str(), &db) == SQLITE_OK);
  sqlite3_exec(db, "PRAGMA user_version = 99", nullptr, nullptr, nullptr);
  sqlite3_close(db);
  const auto opened = open_sqlite_store({dir.path()});
  REQUIRE_FALSE(opened);
  CHECK(sentence_of(opened.error()).find("newer") != std::string::npos);
}

TEST_CASE("a seal opens only where it was made for", "[vault]") {
  const auto dir = test::temp_dir{};
  auto keys = vault::open(dir.path());
  REQUIRE(keys);
  auto sealed = (*keys)->seal("secret", "job-1");
  REQUIRE(sealed);
  CHECK(sealed->find("secret") == std::string::npos);
  CHECK(*(*keys)->unseal(*sealed, "job-1") == "secret");
  CHECK_FALSE((*keys)->unseal(*sealed, "job-2"));
  (*sealed)[14] = static_cast<char>((*sealed)[14] ^ 1);
  CHECK_FALSE((*keys)->unseal(*sealed, "job-1"));
  CHECK_FALSE((*keys)->unseal("short", "job-1"));
  const auto again = vault::open(dir.path());
  CHECK((*again)->digest("x") == (*keys)->digest("x"));
  const auto elsewhere = test::temp_dir{};
  CHECK((*vault::open(elsewhere.path()))->digest("x") != (*keys)->digest("x"));
}

TEST_CASE("a key that others can read is refused, with the cure", "[vault]") {
  const auto dir = test::temp_dir{};
  REQUIRE(vault::open(dir.path()));
  ::chmod((dir / "key").c_str(), 0644);
  const auto refused = vault::open(dir.path());
  REQUIRE_FALSE(refused);
  CHECK(sentence_of(refused.error()).find("chmod 600") != std::string::npos);
}
