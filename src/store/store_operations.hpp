#pragma once

#include "store/job_store.hpp"
#include "store/job_table.hpp"

#include <caf/error.hpp>
#include <caf/expected.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace ocw {

// The calls of a job_store, waiting for the store's thread. Each one can `run`
// against the table, which leaves its answer here, and `finish`, which hands
// the answer out once everything is durable. `run` returns an error only when
// the database is in trouble; then nothing of the transaction holds, writes
// are told by `refuse`, and reads run again.

struct insert_operation {
  static constexpr bool writes = true;
  std::shared_ptr<const job_record> record;
  std::shared_ptr<const job_request> request;
  std::function<void(insert_outcome)> done;
  insert_outcome outcome = {};

  const std::string& job_id() const { return record->job_id; }
  caf::error run(job_table& table, const unwritten_records& unwritten);
  void refuse(const caf::error& cause);
  void finish();
};

struct update_operation {
  static constexpr bool writes = true;
  std::shared_ptr<const job_record> record;
  std::function<void(caf::error)> done;
  caf::error outcome = {};
  bool superseded = false; ///< a later one says it all

  const std::string& job_id() const { return record->job_id; }
  caf::error run(job_table& table, const unwritten_records& unwritten);
  void refuse(const caf::error& cause);
  void finish();
};

struct erase_operation {
  static constexpr bool writes = true;
  std::string id;
  std::function<void(caf::error)> done;
  caf::error outcome = {};

  const std::string& job_id() const { return id; }
  caf::error run(job_table& table, const unwritten_records& unwritten);
  void refuse(const caf::error& cause);
  void finish();
};

struct load_operation {
  static constexpr bool writes = false;
  std::string id;
  job_store::record_function done;
  caf::expected<std::optional<job_record>> answer = std::optional<job_record>{};

  const std::string& job_id() const { return id; }
  caf::error run(job_table& table, const unwritten_records& unwritten);
  void refuse(const caf::error& cause);
  void finish();
};

struct list_operation {
  static constexpr bool writes = false;
  job_query query;
  std::function<void(caf::expected<job_page>)> done;
  caf::expected<job_page> answer = job_page{};

  caf::error run(job_table& table, const unwritten_records& unwritten);
  void refuse(const caf::error& cause);
  void finish();
};

struct unfinished_operation {
  using result = caf::expected<std::vector<stored_job>>;
  static constexpr bool writes = false;
  std::function<void(result)> done;
  result answer = std::vector<stored_job>{};

  caf::error run(job_table& table, const unwritten_records& unwritten);
  void refuse(const caf::error& cause);
  void finish();
};

using operation
  = std::variant<insert_operation, update_operation, erase_operation,
                 load_operation, list_operation, unfinished_operation>;

bool writes(const operation& what);
caf::error run(operation& what, job_table& table,
               const unwritten_records& unwritten);
void refuse(operation& what, const caf::error& cause);
void finish(operation& what);

/// Marks the updates of a batch that need not be written because a later one
/// of the same job is, and nothing in between asks about the job.
void mark_superseded(std::vector<operation>& batch);

} // namespace ocw
