#pragma once

#include "store/job_store.hpp"

#include <caf/expected.hpp>

#include <chrono>
#include <memory>
#include <string>

namespace ocw {

struct sqlite_store_config {
  std::string dir; ///< holds `jobs.sqlite` and `key`; made if it is not there

  /// How long an update may wait for company.
  std::chrono::milliseconds update_linger{50};

  /// How long to wait after a failed write before trying again by itself; the
  /// wait doubles up to `longest_retry`.
  std::chrono::milliseconds first_retry{100};
  std::chrono::milliseconds longest_retry{5000};
};

/// Opens the store of this node, or makes it. One process at a time may have
/// it open. `ec::unavailable` says what stands in the way.
caf::expected<std::unique_ptr<job_store>>
open_sqlite_store(sqlite_store_config config);

} // namespace ocw
