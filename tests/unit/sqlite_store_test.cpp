#include "support/store_fixture.hpp"

#include <atomic>
#include <thread>
#include <vector>

namespace {

using namespace ocw;
using test::make_record;
using test::make_request;
using test::store_fixture;
using test::with_secret;

} // namespace

TEST_CASE_METHOD(store_fixture, "an accepted job is there after a restart",
                 "[store]") {
  const auto outcome = insert("a");
  CHECK_FALSE(outcome.error);
  CHECK_FALSE(outcome.existing);
  close();
  const auto found = load("a");
  REQUIRE(found);
  REQUIRE(*found);
  CHECK((*found)->session_id == "session-of-a");
  CHECK((*found)->status == job_status::pending);
  const auto none = load("b");
  REQUIRE(none);
  CHECK_FALSE(*none);
}

TEST_CASE_METHOD(store_fixture, "an answered insert is in the file",
                 "[store]") {
  insert("a");
  auto copy = store_fixture{};
  std::filesystem::create_directory(copy.dir);
  for (const auto* name : {"jobs.sqlite", "jobs.sqlite-wal", "key"})
    std::filesystem::copy_file(file(name), copy.file(name));
  std::filesystem::permissions(copy.file("key"), std::filesystem::perms{0600});
  CHECK(copy.find("a"));
}

TEST_CASE_METHOD(store_fixture, "the same request again finds the job",
                 "[store]") {
  insert("a");
  CHECK_FALSE(update("a", job_status::running));
  const auto same = insert("a");
  CHECK_FALSE(same.error);
  REQUIRE(same.existing);
  CHECK(same.existing->status == job_status::running);
  CHECK(same.same_request);
}

TEST_CASE_METHOD(store_fixture, "another request of the same id is told apart",
                 "[store]") {
  insert("a");
  auto other = *make_request("a");
  other.priority = 51;
  const auto outcome = insert(std::make_shared<const job_request>(other));
  REQUIRE(outcome.existing);
  CHECK_FALSE(outcome.same_request);
}

TEST_CASE_METHOD(store_fixture, "requests that differ in a secret differ",
                 "[store]") {
  insert(with_secret("a", "one"));
  CHECK(insert(with_secret("a", "one")).same_request);
  CHECK_FALSE(insert(with_secret("a", "two")).same_request);
  CHECK_FALSE(insert("a").same_request);
  close();
  CHECK(insert(with_secret("a", "one")).same_request);
}

TEST_CASE_METHOD(store_fixture, "the newest state is what is read", "[store]") {
  linger = std::chrono::hours{1};
  insert("a");
  store().update(make_record("a", job_status::running), {});
  CHECK(find("a")->status == job_status::running);
  store().update(make_record("a", job_status::finished), {});
  CHECK(list({}).value().jobs.at(0).status == job_status::finished);
}

TEST_CASE_METHOD(store_fixture, "updates are written before the store closes",
                 "[store]") {
  linger = std::chrono::hours{1};
  insert("a");
  store().update(make_record("a", job_status::failed), {});
  close();
  CHECK(find("a")->status == job_status::failed);
}

TEST_CASE_METHOD(store_fixture, "an update that nobody asks about is written",
                 "[store]") {
  insert("a");
  CHECK_FALSE(update("a", job_status::running));
  CHECK(code_of(update("unknown", job_status::running)) == ec::not_found);
}

TEST_CASE_METHOD(store_fixture, "a full batch of updates does not wait",
                 "[store]") {
  linger = std::chrono::hours{1};
  insert("a");
  auto written = std::promise<void>{};
  for (auto i = 0; i < 255; ++i)
    store().update(make_record("a", job_status::running), {});
  store().update(make_record("a", job_status::running),
                 [&](caf::error) { written.set_value(); });
  CHECK(written.get_future().wait_for(std::chrono::seconds{20})
        == std::future_status::ready);
}

TEST_CASE_METHOD(store_fixture, "answers come in the order of the calls",
                 "[store]") {
  auto order = std::vector<int>{};
  store().insert(make_record("a"), make_request("a"),
                 [&](const insert_outcome&) { order.push_back(1); });
  store().update(make_record("a", job_status::running),
                 [&](const caf::error&) { order.push_back(2); });
  store().load("a", [&](const auto& found) {
    order.push_back((*found)->status == job_status::running ? 3 : -3);
  });
  store().update(make_record("a", job_status::finished),
                 [&](const caf::error&) { order.push_back(4); });
  store().load("a", [&](const auto& found) {
    order.push_back((*found)->status == job_status::finished ? 5 : -5);
  });
  store().erase("a", [&](const caf::error&) { order.push_back(6); });
  store().load("a", [&](const auto& found) {
    order.push_back(found->has_value() ? -7 : 7);
  });
  close();
  CHECK(order == std::vector<int>{1, 2, 3, 4, 5, 6, 7});
}

TEST_CASE_METHOD(store_fixture, "what many threads insert is all there",
                 "[store]") {
  constexpr auto threads = 8;
  constexpr auto jobs = 50;
  auto good = std::atomic<int>{0};
  auto& target = store();
  auto writers = std::vector<std::thread>{};
  for (auto t = 0; t < threads; ++t)
    writers.emplace_back([&, t] {
      for (auto i = 0; i < jobs; ++i) {
        const auto id = std::to_string(t) + "-" + std::to_string(i);
        const auto outcome = wait<insert_outcome>([&](auto done) {
          target.insert(make_record(id), make_request(id), done);
        });
        good += !outcome.error && !outcome.existing;
        target.update(make_record(id, job_status::finished), {});
      }
    });
  for (auto& writer : writers)
    writer.join();
  CHECK(good == threads * jobs);
  close();
  auto query = job_query{};
  query.limit = 1000;
  query.status = job_status::finished;
  CHECK(list(query)->jobs.size() == threads * jobs);
}

TEST_CASE_METHOD(store_fixture, "a forgotten job can be submitted anew",
                 "[store]") {
  insert("a");
  CHECK_FALSE(erase("a"));
  CHECK_FALSE(find("a"));
  CHECK_FALSE(insert("a").existing);
  CHECK_FALSE(erase("unknown"));
}

TEST_CASE_METHOD(store_fixture, "unfinished jobs come back whole, oldest first",
                 "[store]") {
  insert("old");
  auto large = *make_request("large");
  large.files["data.bin"].bytes = std::string(1 << 20, '\xfe');
  large.secrets = {{"TOKEN", "hunter2"}, {"OTHER", "x"}};
  insert(std::make_shared<const job_request>(large));
  insert("ended");
  CHECK_FALSE(update("old", job_status::running));
  CHECK_FALSE(update("ended", job_status::finished));
  close();
  const auto left = store().unfinished();
  REQUIRE(left);
  REQUIRE(left->size() == 2);
  CHECK(left->at(0).record.job_id == "old");
  CHECK(left->at(0).record.status == job_status::running);
  CHECK(left->at(0).request == *make_request("old"));
  CHECK(left->at(1).request == large);
}

TEST_CASE_METHOD(store_fixture, "a job whose secrets are lost is not forgotten",
                 "[store]") {
  insert(with_secret("a", "hunter2"));
  close();
  std::filesystem::remove(file("key"));
  const auto left = store().unfinished();
  REQUIRE(left);
  REQUIRE(left->size() == 1);
  CHECK(left->at(0).request.secrets.empty());
  CHECK(left->at(0).request.command == "echo a");
}
