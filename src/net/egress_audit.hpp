#pragma once

#include "messages/log.hpp"
#include "net/egress_rules.hpp"
#include "net/metrics.hpp"
#include "net/rate_limit.hpp"
#include "process/egress_door.hpp"

#include <cstdint>
#include <string_view>

namespace ocw::net {

/// What is written down of one session's connections: where to, never what.
/// A job decides how often it tries, so only some lines a minute are written;
/// the counters miss nothing. I/O thread.
class egress_audit {
public:
  egress_audit(egress_door::about whom, egress_counters& counters)
    : whom_(std::move(whom)), counters_(counters) {}
  ~egress_audit();
  egress_audit(const egress_audit&) = delete;
  egress_audit& operator=(const egress_audit&) = delete;

  void opened(const egress_target& to);
  void refused(const egress_target& to, std::string_view why);
  void failed(const egress_target& to, std::string_view why);

private:
  log::about about() const { return {whom_.job_id, whom_.session_id}; }

  egress_door::about whom_;
  egress_counters& counters_;
  rate_limiter lines_{1};
  uint64_t left_out_ = 0; ///< refusals without a line
};

} // namespace ocw::net
