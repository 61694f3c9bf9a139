#include "store/store_operations.hpp"

#include "ocw/errors.hpp"

#include <set>
#include <string_view>
#include <utility>

namespace ocw {

namespace {

caf::error if_storage_failed(const caf::error& err) {
  return code_of(err) == ec::unavailable ? err : caf::error{};
}

// Keeps what a read found. Reads do not fail a batch: if the database is in
// trouble, a write will say so.
template <class T>
caf::error keep(caf::expected<T>& answer, caf::expected<T> found) {
  answer = std::move(found);
  return {};
}

} // namespace

// -- writes -------------------------------------------------------------------

caf::error insert_operation::run(job_table& table, const unwritten_records&) {
  outcome = table.insert(*record, *request);
  return if_storage_failed(outcome.error);
}

void insert_operation::refuse(const caf::error& cause) {
  outcome = {cause, {}, false};
}

void insert_operation::finish() {
  done(std::move(outcome));
}

caf::error update_operation::run(job_table& table, const unwritten_records&) {
  outcome = superseded ? caf::error{} : table.update(*record);
  return if_storage_failed(outcome);
}

void update_operation::refuse(const caf::error& cause) {
  outcome = cause;
}

void update_operation::finish() {
  if (done)
    done(std::move(outcome));
}

caf::error erase_operation::run(job_table& table, const unwritten_records&) {
  outcome = table.erase(id);
  return if_storage_failed(outcome);
}

void erase_operation::refuse(const caf::error& cause) {
  outcome = cause;
}

void erase_operation::finish() {
  done(std::move(outcome));
}

// -- reads --------------------------------------------------------------------

caf::error load_operation::run(job_table& table,
                               const unwritten_records& unwritten) {
  if (const auto newer = unwritten.find(id); newer != unwritten.end()) {
    answer = std::optional<job_record>{*newer->second};
    return {};
  }
  return keep(answer, table.load(id));
}

void load_operation::refuse(const caf::error& cause) {
  answer = cause;
}

void load_operation::finish() {
  done(std::move(answer));
}

caf::error list_operation::run(job_table& table,
                               const unwritten_records& unwritten) {
  return keep(answer, table.list(query, unwritten));
}

void list_operation::refuse(const caf::error& cause) {
  answer = cause;
}

void list_operation::finish() {
  done(std::move(answer));
}

caf::error unfinished_operation::run(job_table& table,
                                     const unwritten_records&) {
  return keep(answer, table.unfinished());
}

void unfinished_operation::refuse(const caf::error& cause) {
  answer = cause;
}

void unfinished_operation::finish() {
  done(std::move(answer));
}

// -- any ----------------------------------------------------------------------

bool writes(const operation& what) {
  return std::visit([](const auto& x) { return x.writes; }, what);
}

caf::error run(operation& what, job_table& table,
               const unwritten_records& unwritten) {
  return std::visit([&](auto& x) { return x.run(table, unwritten); }, what);
}

void refuse(operation& what, const caf::error& cause) {
  std::visit([&](auto& x) { x.refuse(cause); }, what);
}

void finish(operation& what) {
  std::visit([](auto& x) { x.finish(); }, what);
}

void mark_superseded(std::vector<operation>& batch) {
  auto updated_later = std::set<std::string_view>{};
  for (auto i = batch.rbegin(); i != batch.rend(); ++i) {
    if (auto* update = std::get_if<update_operation>(&*i))
      update->superseded = !updated_later.insert(update->job_id()).second;
    else
      std::visit(
        [&](const auto& x) {
          if constexpr (requires { x.job_id(); })
            updated_later.erase(x.job_id());
          else
            updated_later.clear(); // it looks at all jobs
        },
        *i);
  }
}

} // namespace ocw
