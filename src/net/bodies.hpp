#pragma once

#include "ocw/errors.hpp"
#include "ocw/messages/job.hpp"
#include "ocw/messages/listing.hpp"

#include <string>
#include <vector>

namespace ocw::net {

// Bodies of requests and responses that exist at the HTTP door only. All
// others are messages of the node.

/// What a cancel may say.
struct cancel_body {
  std::string reason;
};

struct artifact_list {
  std::vector<artifact_info> artifacts;
};

struct forgotten_job {
  std::string job_id;
  bool forgotten = true;
};

/// A single-use key for one stream.
struct ticket_grant {
  std::string ticket;
  timestamp expires_at;
};

struct health_report {
  std::string status = "ok";
};

struct ready_report {
  std::string status; ///< "ready" or "not ready"
  std::vector<readiness_check> checks;
};

/// One link of a causal chain, and what shows it.
struct why_step {
  std::string what;
  std::string evidence;
};

/// Why a job waits, or why it ended so.
struct why_report {
  std::string job_id;
  job_status status = job_status::pending;
  std::vector<why_step> chain;
  std::string advice; ///< empty: there is nothing to do
};

/// The shape of every error; for the API's description.
struct error_details {
  std::string field;
  std::string reason;
};
struct error_report {
  std::string error;
  ec code = ec::internal;
  error_details details;
  timestamp at;
};

template <class Inspector>
bool inspect(Inspector& f, cancel_body& x) {
  return f.object(x).fields(
    f.field("reason", x.reason).fallback(std::string{}));
}

template <class Inspector>
bool inspect(Inspector& f, artifact_list& x) {
  return f.object(x).fields(f.field("artifacts", x.artifacts));
}

template <class Inspector>
bool inspect(Inspector& f, forgotten_job& x) {
  return f.object(x).fields(f.field("job_id", x.job_id),
                            f.field("forgotten", x.forgotten));
}

template <class Inspector>
bool inspect(Inspector& f, ticket_grant& x) {
  return f.object(x).fields(f.field("ticket", x.ticket),
                            f.field("expires_at", x.expires_at));
}

template <class Inspector>
bool inspect(Inspector& f, health_report& x) {
  return f.object(x).fields(f.field("status", x.status));
}

template <class Inspector>
bool inspect(Inspector& f, ready_report& x) {
  return f.object(x).fields(f.field("status", x.status),
                            f.field("checks", x.checks));
}

template <class Inspector>
bool inspect(Inspector& f, why_step& x) {
  return f.object(x).fields(f.field("what", x.what),
                            f.field("evidence", x.evidence));
}

template <class Inspector>
bool inspect(Inspector& f, why_report& x) {
  return f.object(x).fields(
    f.field("job_id", x.job_id), f.field("status", x.status),
    f.field("chain", x.chain), f.field("advice", x.advice));
}

template <class Inspector>
bool inspect(Inspector& f, error_details& x) {
  return f.object(x).fields(f.field("field", x.field),
                            f.field("reason", x.reason));
}

template <class Inspector>
bool inspect(Inspector& f, error_report& x) {
  return f.object(x).fields(f.field("error", x.error), f.field("code", x.code),
                            f.field("details", x.details),
                            f.field("timestamp", x.at));
}

} // namespace ocw::net
