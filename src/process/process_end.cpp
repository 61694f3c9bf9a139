#include "process/process_end.hpp"

#include <cerrno>
#include <cstring>

namespace ocw {

namespace {

bool lacks_room(const wire::end_record& record) {
  return record.cause == wire::stop_cause::spool_failed
         && (record.error == ENOSPC || record.error == EDQUOT);
}

reason_code reason_for(wire::stop_cause cause) {
  switch (cause) {
  case wire::stop_cause::none:
    return reason_code::none;
  case wire::stop_cause::cancelled:
    return reason_code::cancelled;
  case wire::stop_cause::wall_timeout:
    return reason_code::timeout;
  case wire::stop_cause::idle_timeout:
    return reason_code::idle_timeout;
  case wire::stop_cause::output_limit:
    return reason_code::output_limit;
  case wire::stop_cause::memory_limit:
    return reason_code::memory_limit;
  case wire::stop_cause::node_lost:
    return reason_code::worker_lost;
  case wire::stop_cause::disk_limit:
    return reason_code::disk_limit;
  case wire::stop_cause::pids_limit:
    return reason_code::pids_limit;
  case wire::stop_cause::spool_failed:
    return reason_code::internal;
  }
  return reason_code::internal;
}

} // namespace

process_end process_end_of(const wire::end_record& record) {
  auto result = process_end{
    .started_unix_ms = record.started_unix_ms,
    .ended_unix_ms = record.ended_unix_ms,
    .stopped_for = reason_for(record.cause),
    .exit_code
    = record.signalled ? 128 + record.wait_status : record.wait_status,
    .signalled = record.signalled != 0,
    .stdout_bytes = record.stdout_bytes,
    .stderr_bytes = record.stderr_bytes,
    .stdout_truncated = record.stdout_truncated != 0,
    .stderr_truncated = record.stderr_truncated != 0,
    .cpu_time_us = record.cpu_user_us + record.cpu_system_us,
    .memory_peak_kb = record.memory_peak_kb,
    .disk_bytes = record.disk_bytes,
    .disk_files = record.disk_files,
    .killed = record.killed,
    .survivors = record.survivors,
    .cells = record.cells,
    .detail = {},
  };
  if (lacks_room(record)) {
    result.stopped_for = reason_code::disk_limit;
    result.detail = "the disk of the node's store is full, so the job's "
                    "output could not be written";
  } else if (record.cause == wire::stop_cause::spool_failed) {
    result.detail = std::string{"the job's output could not be written: "}
                    + std::strerror(record.error);
  }
  return result;
}

process_end process_end_of(const spool_reader::summary& spool,
                           reason_code lost) {
  if (spool.end)
    return process_end_of(*spool.end);
  auto result = process_end{};
  result.stopped_for = lost;
  result.stdout_bytes = spool.bytes[0];
  result.stderr_bytes = spool.bytes[1];
  result.stdout_truncated = spool.truncated[0];
  result.stderr_truncated = spool.truncated[1];
  result.cells = spool.cells;
  if (lost == reason_code::launcher_lost)
    result.detail = "the program that watched over the job went away";
  return result;
}

void say_where(process_end& end, const std::string& store_dir) {
  if (end.stopped_for == reason_code::disk_limit && !end.detail.empty())
    end.detail += " to " + store_dir;
}

} // namespace ocw
