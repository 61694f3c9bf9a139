#pragma once

#include "ocw/messages/job.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ocw {

/// Which jobs to list, newest first.
struct job_query {
  std::optional<job_status> status;
  std::map<std::string, std::string> labels; ///< all must match
  uint32_t limit = 50;                       ///< 1 to 1000
  std::string cursor; ///< `next_cursor` of the page before; empty = newest
};

/// One page of a listing.
struct job_page {
  std::vector<job_state> jobs;
  std::string next_cursor; ///< empty: there is nothing older
};

/// One session that is alive.
struct session_info {
  std::string session_id;
  std::string job_id;
  std::string worker_id;
  phase at_phase = phase::init;
  timestamp started_at;
};

struct session_list {
  std::vector<session_info> sessions;
};

/// What a worker holds jobs with.
struct worker_isolation {
  std::string tier;
  std::vector<std::string> layers;  ///< as in a result, of a restricted job
  std::vector<std::string> why_not; ///< "mechanism: reason", of what is missing
};

/// A worker as the node that placed jobs on it knows it.
struct worker_info {
  std::string worker_id;
  std::string state; ///< "ready", "draining" or "lost"
  uint32_t running = 0;
  uint32_t waiting = 0;
  uint32_t concurrency = 0;
  double cpu_cores = 0; ///< capacity, before overcommit
  double cpu_cores_in_use = 0;
  uint64_t memory_mb = 0; ///< capacity, before overcommit
  uint64_t memory_mb_in_use = 0;
  std::string isolation_tier; ///< `isolation.tier`, by its older name
  worker_isolation isolation;
  std::map<std::string, std::string> labels;
};

struct worker_list {
  std::vector<worker_info> workers;
};

/// One thing that must be so before a node takes jobs.
struct readiness_check {
  std::string name;
  bool ok = false;
  std::string detail; ///< empty when ok
};

struct readiness {
  bool ready = false;
  std::vector<readiness_check> checks;
};

/// Counters of a node since it started.
struct node_counters {
  uint64_t accepted = 0;
  uint64_t started = 0;
  uint64_t finished = 0;
  uint64_t failed = 0;
  uint64_t timed_out = 0;
  uint64_t cancelled = 0;
  uint64_t pending_now = 0;
  uint64_t running_now = 0;
  uint64_t output_bytes = 0;
};

/// All that a door shows of a node.
struct node_report {
  worker_info worker;
  node_counters counters;
  readiness ready;
};

template <class Inspector>
bool inspect(Inspector& f, job_query& x) {
  return f.object(x).fields(
    f.field("status", x.status), f.field("labels", x.labels),
    f.field("limit", x.limit).fallback(50u), f.field("cursor", x.cursor));
}

template <class Inspector>
bool inspect(Inspector& f, job_page& x) {
  return f.object(x).fields(f.field("jobs", x.jobs),
                            f.field("next_cursor", x.next_cursor));
}

template <class Inspector>
bool inspect(Inspector& f, session_info& x) {
  return f.object(x).fields(
    f.field("session_id", x.session_id), f.field("job_id", x.job_id),
    f.field("worker_id", x.worker_id), f.field("phase", x.at_phase),
    f.field("started_at", x.started_at));
}

template <class Inspector>
bool inspect(Inspector& f, session_list& x) {
  return f.object(x).fields(f.field("sessions", x.sessions));
}

template <class Inspector>
bool inspect(Inspector& f, worker_isolation& x) {
  return f.object(x).fields(f.field("tier", x.tier),
                            f.field("layers", x.layers),
                            f.field("why_not", x.why_not));
}

template <class Inspector>
bool inspect(Inspector& f, worker_info& x) {
  return f.object(x).fields(
    f.field("worker_id", x.worker_id), f.field("state", x.state),
    f.field("running", x.running), f.field("waiting", x.waiting),
    f.field("concurrency", x.concurrency), f.field("cpu", x.cpu_cores),
    f.field("cpu_in_use", x.cpu_cores_in_use),
    f.field("memory_mb", x.memory_mb),
    f.field("memory_mb_in_use", x.memory_mb_in_use),
    f.field("isolation_tier", x.isolation_tier),
    f.field("isolation", x.isolation), f.field("labels", x.labels));
}

template <class Inspector>
bool inspect(Inspector& f, worker_list& x) {
  return f.object(x).fields(f.field("workers", x.workers));
}

template <class Inspector>
bool inspect(Inspector& f, readiness_check& x) {
  return f.object(x).fields(f.field("name", x.name), f.field("ok", x.ok),
                            f.field("detail", x.detail));
}

template <class Inspector>
bool inspect(Inspector& f, readiness& x) {
  return f.object(x).fields(f.field("ready", x.ready),
                            f.field("checks", x.checks));
}

template <class Inspector>
bool inspect(Inspector& f, node_counters& x) {
  return f.object(x).fields(
    f.field("accepted", x.accepted), f.field("started", x.started),
    f.field("finished", x.finished), f.field("failed", x.failed),
    f.field("timeout", x.timed_out), f.field("cancelled", x.cancelled),
    f.field("pending_now", x.pending_now),
    f.field("running_now", x.running_now),
    f.field("output_bytes", x.output_bytes));
}

template <class Inspector>
bool inspect(Inspector& f, node_report& x) {
  return f.object(x).fields(f.field("worker", x.worker),
                            f.field("jobs", x.counters),
                            f.field("ready", x.ready));
}

} // namespace ocw
