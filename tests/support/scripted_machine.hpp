#pragma once

#include "process/session_machine.hpp"

#include <caf/send.hpp>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace ocw::test {

/// A machine on which every step waits for the test's word. It keeps what was
/// asked of it, by session id.
class scripted_machine final : public session_machine {
public:
  struct process final : running_process {
    int stops = 0;
    feeding takes_input = feeding::taken;
    std::string fed;
    bool eof = false;

    void stop() override { ++stops; }
    feeding feed(std::string bytes, bool end) override {
      if (takes_input == feeding::taken) {
        fed += bytes;
        eof = end;
      }
      return takes_input;
    }
  };

  struct session_log {
    std::shared_ptr<const session_task> task;
    session_actor actor;
    std::vector<std::string> steps;
    std::shared_ptr<process> running;
  };

  std::map<std::string, session_log> sessions; ///< by job id
  std::vector<std::string> forgotten;
  std::vector<std::string> swept;
  std::set<std::string> traces; ///< job ids whose session left a directory

  // -- what the machine answers
  // ------------------------------------------------

  void prepared(const std::string& job, caf::error failed = {}) {
    caf::anon_send(sessions.at(job).actor, prepare_done{std::move(failed)});
  }
  void refused(const std::string& job, start_refused why) {
    caf::anon_send(sessions.at(job).actor, std::move(why));
  }
  void exited(const std::string& job, process_end end = {.exit_code = 0}) {
    caf::anon_send(sessions.at(job).actor, process_ended{std::move(end)});
  }
  void collected(const std::string& job, collect_done done = {}) {
    caf::anon_send(sessions.at(job).actor, std::move(done));
  }
  void destroyed(const std::string& job, bool removed = true) {
    caf::anon_send(sessions.at(job).actor, destroy_done{removed});
  }

  // -- session_machine
  // ---------------------------------------------------------

  void prepare(std::shared_ptr<const session_task> task,
               session_actor session) override {
    auto& log = sessions[task->record->job_id];
    log.task = task;
    log.actor = session;
    log.steps.emplace_back("prepare");
  }
  std::shared_ptr<running_process>
  start(std::shared_ptr<const session_task> task, session_actor) override {
    auto& log = sessions.at(task->record->job_id);
    log.steps.emplace_back("start");
    log.running = std::make_shared<process>();
    return log.running;
  }
  void collect(std::shared_ptr<const session_task> task, const process_end&,
               session_actor) override {
    sessions.at(task->record->job_id).steps.emplace_back("collect");
  }
  void destroy(std::shared_ptr<const session_task> task,
               session_actor) override {
    sessions.at(task->record->job_id).steps.emplace_back("destroy");
  }
  void forget(const job_record& record) override {
    forgotten.push_back(record.job_id);
  }
  bool has_traces(const job_record& record) const override {
    return traces.count(record.job_id) != 0;
  }
  output_digests digest(const job_record&, const process_end&) const override {
    return {};
  }
  void sweep(const job_record& record) override {
    swept.push_back(record.job_id);
  }
  isolation_report isolation(const job_request&,
                             const effective_limits&) const override {
    return {"process", {"process_group", "rlimits"}};
  }
};

} // namespace ocw::test
