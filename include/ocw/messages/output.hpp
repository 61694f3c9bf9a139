#pragma once

#include "ocw/enums.hpp"
#include "ocw/messages/job.hpp"

#include <caf/actor.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ocw {

/// The kinds of entries in a job's history.
enum class event_type : uint8_t {
  job_status,   ///< the session reached a phase
  job_output,   ///< bytes the job wrote
  job_complete, ///< the last event of a job that finished
  job_error,    ///< the last event of a job that ended otherwise
};

template <>
inline constexpr auto enum_words<event_type> = std::to_array<std::string_view>(
  {"job_status", "job_output", "job_complete", "job_error"});

enum class output_stream : uint8_t { out, err };

template <>
inline constexpr auto
  enum_words<output_stream> = std::to_array<std::string_view>({"stdout",
                                                               "stderr"});

/// A phase that was reached. The first event of every started job has
/// `word` "job_start"; the others carry the job's status.
struct status_change {
  std::string word;
  phase at_phase = phase::init;
  std::string session_id;
  std::string worker_id;
};

/// Bytes of one stream. `truncated`: output beyond `offset` was cut at the
/// limit; `chunk` is empty then.
struct output_chunk {
  output_stream stream = output_stream::out;
  uint64_t offset = 0;
  std::string chunk;
  bool truncated = false;
};

/// One entry of a job's append-only history, numbered from 1 without gaps.
/// Exactly the member that `type` calls for is set.
struct job_event {
  event_type type = event_type::job_status;
  std::string job_id;
  uint64_t seq = 0;
  int64_t unix_ms = 0;
  std::optional<status_change> status;
  std::optional<output_chunk> output;
  std::optional<job_result> result; ///< job_complete and job_error; no texts
};

/// Asks a streamer to send `events` to `subscriber`, starting with number
/// `from_seq`, never more than were granted. The streamer ends after the
/// last event, or when the subscriber does.
struct subscribe {
  std::string job_id;
  uint64_t from_seq = 1;
  uint32_t credit = 64; ///< events that may be sent at once
};

/// Grants a streamer further events.
struct grant_credit {
  uint32_t events = 0;
};

/// What a streamer sends: at most as many events as were granted.
struct event_batch {
  std::vector<job_event> events;
};

template <class Inspector>
bool inspect(Inspector& f, status_change& x) {
  return f.object(x).fields(
    f.field("status", x.word), f.field("phase", x.at_phase),
    f.field("session_id", x.session_id), f.field("worker_id", x.worker_id));
}

template <class Inspector>
bool inspect(Inspector& f, output_chunk& x) {
  return f.object(x).fields(f.field("stream", x.stream),
                            f.field("offset", x.offset),
                            f.field("chunk", x.chunk),
                            f.field("truncated", x.truncated).fallback(false));
}

template <class Inspector>
bool inspect(Inspector& f, job_event& x) {
  return f.object(x).fields(
    f.field("type", x.type), f.field("job_id", x.job_id), f.field("seq", x.seq),
    f.field("timestamp", x.unix_ms), f.field("status", x.status),
    f.field("output", x.output), f.field("result", x.result));
}

template <class Inspector>
bool inspect(Inspector& f, subscribe& x) {
  return f.object(x).fields(f.field("job_id", x.job_id),
                            f.field("from_seq", x.from_seq).fallback(1u),
                            f.field("credit", x.credit).fallback(64u));
}

template <class Inspector>
bool inspect(Inspector& f, grant_credit& x) {
  return f.object(x).fields(f.field("events", x.events));
}

template <class Inspector>
bool inspect(Inspector& f, event_batch& x) {
  return f.object(x).fields(f.field("events", x.events));
}

} // namespace ocw
