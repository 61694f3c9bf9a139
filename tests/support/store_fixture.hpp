#pragma once

#include "ocw/errors.hpp"
#include "store/sqlite_store.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <chrono>
#include <fstream>
#include <future>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

namespace ocw::test {

inline std::shared_ptr<const job_request> make_request(const std::string& id) {
  auto result = job_request{};
  result.job_id = id;
  result.command = "echo " + id;
  return std::make_shared<const job_request>(std::move(result));
}

inline std::shared_ptr<const job_request>
with_secret(const std::string& id, const std::string& secret) {
  auto result = *make_request(id);
  result.secrets = {{"TOKEN", secret}};
  return std::make_shared<const job_request>(std::move(result));
}

inline std::shared_ptr<const job_record>
make_record(const std::string& id, job_status status = job_status::pending) {
  auto result = job_record{};
  result.job_id = id;
  result.session_id = "session-of-" + id;
  result.status = status;
  result.created_unix_ms = 1000;
  return std::make_shared<const job_record>(std::move(result));
}

/// A store in a directory of its own, whose answers are waited for.
class store_fixture {
public:
  explicit store_fixture(std::string where = {})
    : dir(where.empty() ? temp_ / "store" : std::move(where)) {}

  job_store& store() {
    if (!store_) {
      auto opened = open();
      if (!opened)
        FAIL(sentence_of(opened.error()));
      store_ = std::move(*opened);
    }
    return *store_;
  }

  caf::expected<std::unique_ptr<job_store>> open() {
    return open_sqlite_store({.dir = dir, .update_linger = linger});
  }

  void close() { store_.reset(); }

  insert_outcome insert(std::shared_ptr<const job_request> request) {
    return wait<insert_outcome>([&](auto done) {
      store().insert(make_record(request->job_id), request, done);
    });
  }
  insert_outcome insert(const std::string& id) {
    return insert(make_request(id));
  }
  caf::error update(std::shared_ptr<const job_record> record) {
    return wait<caf::error>(
      [&](auto done) { store().update(std::move(record), done); });
  }
  caf::error update(const std::string& id, job_status status) {
    return update(make_record(id, status));
  }
  caf::error erase(const std::string& id) {
    return wait<caf::error>([&](auto done) { store().erase(id, done); });
  }
  caf::expected<std::optional<job_record>> load(const std::string& id) {
    return wait<caf::expected<std::optional<job_record>>>(
      [&](auto done) { store().load(id, done); });
  }
  /// The job's record; nullopt when there is no such job.
  std::optional<job_record> find(const std::string& id) {
    auto found = load(id);
    if (!found)
      FAIL(sentence_of(found.error()));
    return std::move(*found);
  }
  caf::expected<job_page> list(const job_query& query) {
    return wait<caf::expected<job_page>>(
      [&](auto done) { store().list(query, done); });
  }

  std::string file(const char* name) const { return dir + "/" + name; }

  /// All bytes of all files of the store, but for the key.
  std::string raw_bytes() const {
    auto result = std::string{};
    for (const auto& entry : std::filesystem::directory_iterator{dir}) {
      if (!entry.is_regular_file() || entry.path().filename() == "key")
        continue;
      auto stream = std::ifstream{entry.path(), std::ios::binary};
      result.append(std::istreambuf_iterator<char>{stream}, {});
    }
    return result;
  }

  /// Checks `condition` until it holds, for twenty seconds at most.
  template <class Condition>
  static bool soon(Condition condition) {
    const auto deadline
      = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline)
        return false;
      std::this_thread::yield();
    }
    return true;
  }

  /// Waits for the answer that `ask` is given a function for.
  template <class Answer, class Ask>
  static Answer wait(Ask ask) {
    auto promise = std::make_shared<std::promise<Answer>>();
    ask([promise](Answer x) { promise->set_value(std::move(x)); });
    auto answer = promise->get_future();
    if (answer.wait_for(std::chrono::seconds{20}) != std::future_status::ready)
      throw std::runtime_error{"the store does not answer"};
    return answer.get();
  }

private:
  temp_dir temp_;

public:
  std::string dir;
  std::chrono::milliseconds linger{50};

private:
  std::unique_ptr<job_store> store_;
};

} // namespace ocw::test
