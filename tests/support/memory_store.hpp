#pragma once

#include "store/job_store.hpp"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace ocw::test {

/// A job store that answers at once, or, with `held`, when the test says so,
/// as a disk would.
class memory_store final : public job_store {
public:
  bool held = false;
  caf::error broken; ///< every insert fails with this, if set
  std::map<std::string, stored_job> jobs;
  std::vector<std::function<void()>> waiting;

  /// Lets everything happen that was held back.
  void release() {
    for (auto& work : std::exchange(waiting, {}))
      work();
  }

  void insert(std::shared_ptr<const job_record> record,
              std::shared_ptr<const job_request> request,
              std::function<void(insert_outcome)> done) override {
    perform([this, record, request, done] {
      if (broken)
        return done({broken, {}, false});
      const auto found = jobs.find(record->job_id);
      if (found != jobs.end())
        return done(
          {{}, found->second.record, found->second.request == *request});
      jobs.emplace(record->job_id, stored_job{*record, *request});
      done({});
    });
  }
  void update(std::shared_ptr<const job_record> record,
              std::function<void(caf::error)> done) override {
    perform([this, record, done] {
      if (const auto found = jobs.find(record->job_id); found != jobs.end())
        found->second.record = *record;
      if (done)
        done({});
    });
  }
  void load(std::string job_id, record_function done) override {
    perform([this, job_id, done] {
      const auto found = jobs.find(job_id);
      auto result = std::optional<job_record>{};
      if (found != jobs.end())
        result = found->second.record;
      done(std::move(result));
    });
  }
  void list(job_query,
            std::function<void(caf::expected<job_page>)> done) override {
    perform([this, done] {
      auto page = job_page{};
      for (const auto& [id, job] : jobs)
        page.jobs.push_back(state_of(job.record));
      done(std::move(page));
    });
  }
  void erase(std::string job_id,
             std::function<void(caf::error)> done) override {
    perform([this, job_id, done] {
      jobs.erase(job_id);
      done({});
    });
  }
  caf::expected<std::vector<stored_job>> unfinished() override {
    return std::vector<stored_job>{};
  }
  caf::error health() const override { return broken; }

private:
  void perform(std::function<void()> work) {
    if (held)
      waiting.push_back(std::move(work));
    else
      work();
  }
};

} // namespace ocw::test
