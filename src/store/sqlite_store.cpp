#include "store/sqlite_store.hpp"

#include "launcher/fd.hpp"
#include "ocw/errors.hpp"
#include "store/sqlite_writer.hpp"
#include "store/store_paths.hpp"
#include "store/vault.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstring>
#include <future>
#include <utility>

namespace ocw {

namespace {

class sqlite_store final : public job_store {
public:
  sqlite_store(std::unique_ptr<job_table> table, launcher::unique_fd lock,
               sqlite_store_config config)
    : writer_(std::move(table), std::move(lock), std::move(config)) {}

  void insert(std::shared_ptr<const job_record> record,
              std::shared_ptr<const job_request> request,
              std::function<void(insert_outcome)> done) override {
    writer_.add(insert_operation{.record = std::move(record),
                                 .request = std::move(request),
                                 .done = std::move(done)});
  }

  void update(std::shared_ptr<const job_record> record,
              std::function<void(caf::error)> done) override {
    writer_.add(
      update_operation{.record = std::move(record), .done = std::move(done)});
  }

  void load(std::string job_id, record_function done) override {
    writer_.add(
      load_operation{.id = std::move(job_id), .done = std::move(done)});
  }

  void list(job_query query,
            std::function<void(caf::expected<job_page>)> done) override {
    writer_.add(
      list_operation{.query = std::move(query), .done = std::move(done)});
  }

  void erase(std::string job_id,
             std::function<void(caf::error)> done) override {
    writer_.add(
      erase_operation{.id = std::move(job_id), .done = std::move(done)});
  }

  caf::expected<std::vector<stored_job>> unfinished() override {
    auto answer = std::promise<unfinished_operation::result>{};
    writer_.add(unfinished_operation{
      .done = [&](auto found) { answer.set_value(std::move(found)); }});
    return answer.get_future().get();
  }

  caf::error health() const override { return writer_.health(); }

private:
  sqlite_writer writer_;
};

// Two nodes on one store would run each other's jobs. The lock goes with the
// process, however it ends.
caf::expected<launcher::unique_fd> lock_directory(const std::string& dir) {
  auto result = launcher::unique_fd{
    ::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (result && ::flock(result.get(), LOCK_EX | LOCK_NB) == 0)
    return result;
  const auto why = errno == EWOULDBLOCK ? std::string{"another node uses it"}
                                        : std::string{std::strerror(errno)};
  return make_error(ec::unavailable,
                    "store.dir: '" + dir + "' cannot be used: " + why,
                    "store.dir");
}

} // namespace

caf::expected<std::unique_ptr<job_store>>
open_sqlite_store(sqlite_store_config config) {
  const auto paths = store_paths{config.dir};
  if (auto failed = make_store_directories(paths))
    return failed;
  auto lock = lock_directory(config.dir);
  if (!lock)
    return std::move(lock.error());
  auto keys = open_vault(config.dir);
  if (!keys)
    return std::move(keys.error());
  auto table = job_table::open(paths.database(), std::move(*keys));
  if (!table)
    return std::move(table.error());
  return std::unique_ptr<job_store>{std::make_unique<sqlite_store>(
    std::move(*table), std::move(*lock), std::move(config))};
}

} // namespace ocw
