#pragma once

#include "ocw/messages/job.hpp"
#include "ocw/messages/listing.hpp"

#include <caf/expected.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ocw {

/// Reads what a row holds of a job. Damage is logged and is `ec::internal`.
caf::expected<job_record> read_record(std::string_view job_id,
                                      std::string_view text);
caf::expected<job_request> read_request(std::string_view job_id,
                                        std::string_view text);

/// Which rows belong into a listing.
class job_filter {
public:
  /// `ec::invalid_request` names the field that makes no sense.
  static caf::expected<job_filter> make(const job_query& query);

  /// Only rows with a smaller number.
  int64_t before() const { return before_; }

  /// False when a row cannot match, by the JSON text of its labels.
  bool may_match(std::string_view labels) const;

  /// True when a job matches.
  bool matches(const job_record& record) const;

private:
  job_query query_;
  int64_t before_ = INT64_MAX;
  std::vector<std::string> pairs_; // `"key":"value"`, as the rows have them
};

} // namespace ocw
