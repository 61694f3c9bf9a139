#include "ocw/errors.hpp"
#include "ocw/ids.hpp"
#include "ocw/type_ids.hpp"

#include "messages/error_json.hpp"

#include "support/catch.hpp"

#include <caf/sec.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <regex>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace ocw;

TEST_CASE("a new id is a UUIDv7 of this very moment") {
  const auto before = now_unix_ms();
  const auto id = make_uuid_v7();
  const auto shape = std::regex{
    "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"};
  CHECK(std::regex_match(id, shape));
  const auto ms = std::stoll(id.substr(0, 8) + id.substr(9, 4), nullptr, 16);
  CHECK(ms >= before);
  CHECK(ms <= now_unix_ms() + 1000);
  CHECK(is_valid_job_id(id));
}

TEST_CASE("ids of one thread ascend and ids of many threads differ") {
  constexpr auto per_thread = size_t{20'000};
  auto made = std::vector<std::vector<std::string>>(4);
  auto threads = std::vector<std::thread>{};
  for (auto& ids : made)
    threads.emplace_back([&ids] {
      for (auto i = size_t{0}; i < per_thread; ++i)
        ids.push_back(make_uuid_v7());
    });
  for (auto& thread : threads)
    thread.join();
  auto all = std::set<std::string>{};
  for (const auto& ids : made) {
    CHECK(std::is_sorted(ids.begin(), ids.end()));
    all.insert(ids.begin(), ids.end());
  }
  CHECK(all.size() == made.size() * per_thread);
}

TEST_CASE("job ids are safe as file names and as arguments") {
  CHECK(is_valid_job_id("a"));
  CHECK(is_valid_job_id("_x.Y-9"));
  CHECK(is_valid_job_id(std::string(128, 'a')));
  for (const auto& bad :
       {std::string{}, std::string(129, 'a'), std::string{"."},
        std::string{".."}, std::string{".a"}, std::string{"-a"},
        std::string{"a/b"}, std::string{"a b"}, std::string{"a\n"},
        std::string{"a\0b", 3}, std::string{"\xC3\xA9"}}) {
    CAPTURE(bad);
    CHECK_FALSE(is_valid_job_id(bad));
  }
}

TEST_CASE("moments are written with milliseconds, in UTC") {
  CHECK(iso_time(0) == "1970-01-01T00:00:00.000Z");
  CHECK(iso_time(1768858200123) == "2026-01-19T21:30:00.123Z");
  CHECK(iso_time(951782399999) == "2000-02-28T23:59:59.999Z");
  CHECK(iso_time(951782400000) == "2000-02-29T00:00:00.000Z");
  CHECK(iso_time(-1) == "1969-12-31T23:59:59.999Z");
  CHECK(iso_time(INT64_MAX) == "9999-12-31T23:59:59.999Z");
  CHECK(iso_time(INT64_MIN) == "0000-01-01T00:00:00.000Z");
}

TEST_CASE("an error keeps its code, sentence and field") {
  const auto err = make_error(ec::conflict, "the id is taken", "job_id");
  CHECK(code_of(err) == ec::conflict);
  CHECK(sentence_of(err) == "the id is taken");
  CHECK(field_of(err) == "job_id");
}

TEST_CASE("an error that is not ours is internal and says what it is") {
  const auto err = caf::make_error(caf::sec::request_timeout);
  CHECK(code_of(err) == ec::internal);
  CHECK(sentence_of(err) == to_string(err));
  CHECK(field_of(err).empty());
  CHECK(code_of(caf::error{}) == ec::none);
  CHECK(code_of(caf::error{ec::not_found}) == ec::not_found);
}

TEST_CASE("errors have one shape in JSON") {
  const auto with_field = nlohmann::json::parse(error_json(
    make_error(ec::limit_exceeded, "too \"much\"\xFF", "limits.memory")));
  CHECK(with_field["error"] == "too \"much\"\xEF\xBF\xBD");
  CHECK(with_field["code"] == "limit_exceeded");
  CHECK(with_field["details"]["field"] == "limits.memory");
  CHECK(with_field["details"]["reason"] == with_field["error"]);
  CHECK(with_field["timestamp"].get<std::string>().size() == 24);
  const auto without
    = nlohmann::json::parse(error_json(make_error(ec::not_found, "no job x")));
  CHECK(without["details"]["field"] == "");
  CHECK(without["details"]["reason"] == without["error"]);
  CHECK(without.size() == 4);
}
