#include "launcher/job_run.hpp"

#include <algorithm>

// How limits.disk is held where the session has no file system of its own: the
// shim looks at the session's directory, and the job is over when it is.

namespace ocw::launcher {
namespace {

constexpr unsigned entries_at_once = 2000; // some milliseconds
// Between looks: as long as it would take to fill what is left at about 1 GB/s,
// within bounds, and three times what the last look took.
constexpr int64_t least_pause_ms = 50;
constexpr int64_t most_pause_ms = 1000;
constexpr uint64_t fill_bytes_per_ms = 1 << 20;
constexpr int64_t last_look_ms = 1000; // at most, at the end

bool is_over(const disk_use& seen, const wire::job_spec& spec) {
  return seen.bytes > spec.disk_bytes
         || (spec.disk_files != 0 && seen.files > spec.disk_files);
}

} // namespace

void job_run::look_at_disk() {
  const auto began = std::min(disk_look_began_, steady_ms());
  const auto whole = disk_look_->go_on(entries_at_once);
  const auto& seen = disk_look_->seen();
  disk_look_began_ = whole ? never : began;
  record_.disk_bytes = std::max(record_.disk_bytes, seen.bytes);
  record_.disk_files
    = std::max(record_.disk_files, static_cast<uint32_t>(seen.files));
  if (is_over(seen, request_.spec))
    return stop(wire::stop_cause::disk_limit, true);
  const auto now = steady_ms();
  const auto left = (request_.spec.disk_bytes - seen.bytes) / fill_bytes_per_ms;
  const auto pause
    = std::clamp(static_cast<int64_t>(left), least_pause_ms, most_pause_ms);
  next_disk_look_ = whole ? now + std::max(pause, 3 * (now - began)) : now;
}

// A job that filled its disk fails on it, one way or another. One that did not
// fail found room, or did without.
void job_run::check_disk() {
  if (disk_) {
    const auto used = use_of_disk(disk_.get());
    record_.disk_bytes = used.bytes;
    record_.disk_files = static_cast<uint32_t>(used.files);
    if (record_.cause == wire::stop_cause::none && !ended_well()
        && is_full_disk(disk_.get()))
      record_.cause = wire::stop_cause::disk_limit;
  }
  if (!disk_look_ || record_.cause != wire::stop_cause::none)
    return;
  // It may have been quicker than the looks.
  disk_look last{equipment_.shared().path_here(request_.session_dir)};
  const auto end = steady_ms() + last_look_ms;
  while (!last.go_on(entries_at_once) && steady_ms() < end)
    continue;
  record_.disk_bytes = std::max(record_.disk_bytes, last.seen().bytes);
  record_.disk_files
    = std::max(record_.disk_files, static_cast<uint32_t>(last.seen().files));
  if (is_over(last.seen(), request_.spec))
    record_.cause = wire::stop_cause::disk_limit;
}

} // namespace ocw::launcher
