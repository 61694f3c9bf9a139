#include "support/store_fixture.hpp"

#include <vector>

namespace {

using namespace ocw;
using test::make_record;
using test::make_request;
using test::store_fixture;

} // namespace

TEST_CASE_METHOD(store_fixture, "pages go from the newest to the oldest",
                 "[store]") {
  for (auto i = 0; i < 7; ++i)
    insert("job-" + std::to_string(i));
  auto seen = std::vector<std::string>{};
  auto sizes = std::vector<size_t>{};
  auto query = job_query{};
  query.limit = 3;
  do {
    const auto page = list(query);
    REQUIRE(page);
    sizes.push_back(page->jobs.size());
    for (const auto& job : page->jobs)
      seen.push_back(job.job_id);
    query.cursor = page->next_cursor;
    insert("later-" + std::to_string(sizes.size())); // never in the way
  } while (!query.cursor.empty());
  CHECK(sizes == std::vector<size_t>{3, 3, 1});
  CHECK(seen
        == std::vector<std::string>{"job-6", "job-5", "job-4", "job-3", "job-2",
                                    "job-1", "job-0"});
}

TEST_CASE_METHOD(store_fixture, "a full last page has no next one", "[store]") {
  insert("a");
  insert("b");
  auto query = job_query{};
  query.limit = 2;
  CHECK(list(query)->next_cursor.empty());
}

TEST_CASE_METHOD(store_fixture, "a list is narrowed by status and labels",
                 "[store]") {
  const auto add = [&](const std::string& id, auto labels) {
    auto record = *make_record(id);
    record.labels = std::move(labels);
    wait<insert_outcome>([&](auto done) {
      store().insert(std::make_shared<const job_record>(record),
                     make_request(id), done);
    });
  };
  using labels = std::map<std::string, std::string>;
  add("a", labels{{"owner", "ann"}, {"quote\"", "back\\slash"}});
  add("b", labels{{"owner", "bob"}});
  add("c", labels{{"owner", "ann"}});
  add("d", labels{{"k", ":"}, {"z", ","}});
  auto finished = *make_record("c", job_status::finished);
  finished.labels = {{"owner", "ann"}};
  CHECK_FALSE(update(std::make_shared<const job_record>(finished)));
  const auto ids = [&](std::optional<job_status> status, labels wanted) {
    auto query = job_query{};
    query.status = status;
    query.labels = std::move(wanted);
    const auto page = list(query);
    REQUIRE(page);
    auto result = std::string{};
    for (const auto& job : page->jobs)
      result += job.job_id;
    return result;
  };
  CHECK(ids({}, {}) == "dcba");
  CHECK(ids(job_status::pending, {}) == "dba");
  CHECK(ids({}, {{"owner", "ann"}}) == "ca");
  CHECK(ids(job_status::finished, {{"owner", "ann"}}) == "c");
  CHECK(ids({}, {{"owner", "ann"}, {"quote\"", "back\\slash"}}) == "a");
  CHECK(ids({}, {{"owner", "an"}}).empty());
  CHECK(ids({}, {{":", ","}}).empty());
}

TEST_CASE_METHOD(store_fixture, "jobs with a label come in pages as well",
                 "[store]") {
  for (auto i = 0; i < 9; ++i) {
    auto record = *make_record("job-" + std::to_string(i));
    record.labels = {{"odd", i % 2 == 1 ? "yes" : "no"}};
    wait<insert_outcome>([&](auto done) {
      store().insert(std::make_shared<const job_record>(record),
                     make_request(record.job_id), done);
    });
  }
  CHECK_FALSE(erase("job-5"));
  auto seen = std::string{};
  auto query = job_query{};
  query.limit = 2;
  query.labels = {{"odd", "yes"}};
  do {
    const auto page = list(query);
    REQUIRE(page);
    for (const auto& job : page->jobs)
      seen += job.job_id;
    query.cursor = page->next_cursor;
  } while (!query.cursor.empty());
  CHECK(seen == "job-7job-3job-1");
}

TEST_CASE_METHOD(store_fixture, "a query that makes no sense is refused",
                 "[store]") {
  insert("a");
  const auto field = [&](uint32_t limit, const std::string& cursor) {
    auto query = job_query{};
    query.limit = limit;
    query.cursor = cursor;
    const auto page = list(query);
    REQUIRE_FALSE(page);
    CHECK(code_of(page.error()) == ec::invalid_request);
    return field_of(page.error());
  };
  CHECK(field(50, "x") == "cursor");
  CHECK(field(50, "12x") == "cursor");
  CHECK(field(50, "-1") == "cursor");
  CHECK(field(50, "99999999999999999999") == "cursor");
  CHECK(field(0, "") == "limit");
  CHECK(field(1001, "") == "limit");
}
