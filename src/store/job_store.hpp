#pragma once

#include "ocw/errors.hpp"
#include "ocw/messages/job.hpp"
#include "ocw/messages/listing.hpp"
#include "ocw/messages/local.hpp"

#include <caf/expected.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ocw {

/// What became of an insert.
struct insert_outcome {
  caf::error error; ///< none: it is durable, or `existing` is set
  std::optional<job_record> existing; ///< the id was taken; nothing was written
  bool same_request = false;          ///< `existing` came from an equal request
};

/// Keeps every accepted job until it is forgotten. Calls return at once; the
/// functions passed in run later, on a thread of the store, in the order of
/// the calls, and must not block. A store that cannot write says
/// `ec::unavailable` with the cause.
class job_store {
public:
  using record_function
    = std::function<void(caf::expected<std::optional<job_record>>)>;

  virtual ~job_store() = default;

  /// Writes a new job. When `done` is called without an error and without
  /// `existing`, the job survives a power cut.
  virtual void insert(std::shared_ptr<const job_record> record,
                      std::shared_ptr<const job_request> request,
                      std::function<void(insert_outcome)> done)
    = 0;

  /// Writes a job's new state within about 50 ms; later reads see it at once.
  /// A terminal record also erases the job's secrets. `done` may be empty; it
  /// is called when the state is durable or could not be written.
  virtual void update(std::shared_ptr<const job_record> record,
                      std::function<void(caf::error)> done)
    = 0;

  /// Finds a job; nullopt when there is none.
  virtual void load(std::string job_id, record_function done) = 0;

  /// Lists jobs, newest first.
  virtual void list(job_query query,
                    std::function<void(caf::expected<job_page>)> done)
    = 0;

  /// Removes a job's record. Its files are the caller's business.
  virtual void erase(std::string job_id, std::function<void(caf::error)> done)
    = 0;

  /// Jobs without a terminal status, oldest first. Blocks; for start-up.
  virtual caf::expected<std::vector<stored_job>> unfinished() = 0;

  /// Null error when the last write worked; else why not. Never blocks.
  virtual caf::error health() const = 0;
};

} // namespace ocw
