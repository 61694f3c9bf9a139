#pragma once

#include "ocw/messages/job.hpp"
#include "ocw/messages/listing.hpp"

#include <caf/expected.hpp>

#include <functional>
#include <memory>
#include <string>

namespace ocw {

class history; // src/store/history.hpp

// What can be asked of a node. Each request names its reply; the doors, the
// command line and other actors all ask these.

/// A job and the way to follow it, as doors of the same process get it.
struct job_view {
  std::shared_ptr<const job_record> record;
  std::shared_ptr<history> follow;
  bool created = false; ///< by this very request; false: it was there already
};

/// Accepts a job: when the reply comes, the job is durable.
struct submit_job {
  using reply = job_view;
  job_request request;
};

/// Looks a job up.
struct get_job {
  using reply = job_view;
  std::string job_id;
};

/// Lists jobs, newest first.
struct list_jobs {
  using reply = job_page;
  job_query query;
};

/// Stops a job. Stopping an ended job is no error and changes nothing.
struct cancel_job {
  using reply = job_view;
  std::string job_id;
  std::string reason;
};

/// Forgets an ended job, its output and its artifacts.
struct forget_job {
  using reply = job_view;
  std::string job_id;
};

/// Sends bytes to a running job's standard input, then closes it if `eof`.
struct send_stdin {
  using reply = job_view;
  std::string job_id;
  std::string bytes;
  bool eof = false;
};

/// Lists the sessions that are alive.
struct list_sessions {
  using reply = session_list;
};

/// Reports on the node.
struct get_node {
  using reply = node_report;
};

/// A request that carries where its answer goes: how the doors of the same
/// process ask, at the price of one message and no waiting actor. `done` is
/// called exactly once, on any thread, and must not block.
template <class Request>
struct ask {
  Request request;
  std::function<void(caf::expected<typename Request::reply>)> done;
};

template <class Inspector>
bool inspect(Inspector& f, submit_job& x) {
  return f.object(x).fields(f.field("request", x.request));
}

template <class Inspector>
bool inspect(Inspector& f, get_job& x) {
  return f.object(x).fields(f.field("job_id", x.job_id));
}

template <class Inspector>
bool inspect(Inspector& f, list_jobs& x) {
  return f.object(x).fields(f.field("query", x.query));
}

template <class Inspector>
bool inspect(Inspector& f, cancel_job& x) {
  return f.object(x).fields(
    f.field("job_id", x.job_id),
    f.field("reason", x.reason).fallback(std::string{}));
}

template <class Inspector>
bool inspect(Inspector& f, forget_job& x) {
  return f.object(x).fields(f.field("job_id", x.job_id));
}

template <class Inspector>
bool inspect(Inspector& f, send_stdin& x) {
  return f.object(x).fields(f.field("job_id", x.job_id),
                            f.field("bytes", x.bytes),
                            f.field("eof", x.eof).fallback(false));
}

template <class Inspector>
bool inspect(Inspector& f, list_sessions& x) {
  return f.object(x).fields();
}

template <class Inspector>
bool inspect(Inspector& f, get_node& x) {
  return f.object(x).fields();
}

} // namespace ocw
