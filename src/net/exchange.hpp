#pragma once

#include "net/door.hpp"
#include "net/operations.hpp"
#include "net/reply.hpp"
#include "net/target.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace ocw::net {

/// One request on its way through a route: complete, admitted, matched.
struct exchange {
  door& context;
  stream_type& stream;
  http_request request;
  request_target target;
  named_values captures;
  std::string cors = {};  ///< header lines for every answer to it
  bool keep_open = true;  ///< whether the connection may serve another request
  bool answering = false; ///< a route has begun to answer by itself

  bool head_only() const { return request.method() == beast::http::verb::head; }

  /// A captured part of the path; every pattern that is matched has it.
  const std::string& captured(std::string_view name) const;
};

/// Answers one operation. Null means that it answered by itself, and that
/// `keep_open` says what becomes of the connection.
struct route_handler {
  awaitable<std::optional<reply>> (*run)(exchange&);
};

/// Sends all bytes, giving up after `patience` without progress. False when
/// the connection is broken. I/O thread.
awaitable<bool> send_bytes(stream_type& stream, std::string_view bytes);

/// Looks a job up by the path's `job_id`.
awaitable<caf::expected<job_view>> find_job(exchange& x);

/// Waits until the job has ended, `patience_ms` have passed, or the client is
/// gone; then there is no point in waiting on. The final record, or null.
awaitable<std::shared_ptr<const job_record>>
wait_for_end(exchange& x, job_view job, uint64_t patience_ms);

/// The job's result with up to 1 MiB of each output stream.
job_result full_result(const job_record& record, const job_view& job);

} // namespace ocw::net
