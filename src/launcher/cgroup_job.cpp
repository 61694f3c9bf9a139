#include "launcher/cgroup_part.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>

namespace ocw::launcher {
namespace {

constexpr uint64_t least_quota_us = 1'000; // the kernel takes no less

} // namespace

// -- one hierarchy ------------------------------------------------------------

int cgroup_part::prepare(const cgroup_limits& next) {
  if (error_ != 0 || (used_ && !clean(next.memory_bytes))) {
    limits_.reset();
    error_ = remove_group(parent_, name_);
    if (error_ == 0 || error_ == ENOENT)
      error_ = dir_.make(parent_, name_);
    if (error_ != 0)
      return error_;
    used_ = false;
  }
  if (has(wire::cgroup_memory) && !used_)
    watch_memory();
  used_ = true;
  const auto error = write_limits(next);
  limits_.reset();
  if (error == 0)
    limits_ = next;
  return error;
}

int cgroup_part::write_limits(const cgroup_limits& next) {
  int error = 0;
  if (has(wire::cgroup_memory)
      && (!limits_ || limits_->memory_bytes != next.memory_bytes))
    error = set_memory(next.memory_bytes);
  if (error == 0 && has(wire::cgroup_cpu)
      && (!limits_ || limits_->cpu_millicores != next.cpu_millicores)) {
    const auto quota = next.cpu_millicores * cpu_period_us / 1000;
    error = set_cpu(quota == 0 ? 0 : std::max(quota, least_quota_us));
  }
  if (error == 0 && has(wire::cgroup_pids)
      && (!limits_ || limits_->pids != next.pids))
    error = dir_.write("pids.max",
                       next.pids == 0 ? "max" : std::to_string(next.pids));
  return error;
}

// -- all together -------------------------------------------------------------

namespace {

// One group in each hierarchy that is used; that of version 2 is the last.
class job_groups final : public job_cgroup {
public:
  job_groups(cgroup_parts parts, bool clone_into);

  int prepare(const cgroup_limits& limits) override;
  const std::vector<int>& entries() const override { return entries_; }
  int clone_directory() const override {
    return clone_into_ ? group().fd() : -1;
  }
  int oom_fd() const override {
    return memory_ != nullptr ? memory_->oom_fd() : -1;
  }
  short oom_poll_events() const override {
    return memory_ != nullptr ? memory_->oom_poll_events() : short{0};
  }
  bool oom_happened() override;
  uint32_t signal_all(int signal) override;
  uint32_t kill_all() override;
  bool empty() const override;
  cgroup_usage usage() const override;

private:
  const cgroup_dir& group() const { return parts_.back()->dir(); }
  void find_entries();
  cgroup_usage totals() const;

  cgroup_parts parts_;
  bool clone_into_;
  cgroup_part* memory_ = nullptr;
  cgroup_part* killer_ = nullptr;
  std::vector<int> entries_;
  cgroup_usage before_; // the totals when the job was prepared
};

job_groups::job_groups(cgroup_parts parts, bool clone_into)
  : parts_(std::move(parts)), clone_into_(clone_into) {
  for (const auto& part : parts_) {
    if (part->has(wire::cgroup_memory))
      memory_ = part.get();
    if (part->has(wire::cgroup_kill))
      killer_ = part.get();
  }
  find_entries();
}

int job_groups::prepare(const cgroup_limits& limits) {
  for (const auto& part : parts_)
    if (const auto error = part->prepare(limits))
      return error;
  find_entries(); // some may be in new groups
  before_ = totals();
  return 0;
}

void job_groups::find_entries() {
  entries_.clear();
  for (const auto& part : parts_)
    entries_.push_back(part->entry());
}

bool job_groups::oom_happened() {
  if (memory_ == nullptr)
    return false;
  memory_->take_oom_event(before_.oom_kills);
  return totals().oom_kills > before_.oom_kills;
}

uint32_t job_groups::signal_all(int signal) {
  const auto all = group().processes();
  for (const auto pid : all)
    ::kill(pid, signal);
  return static_cast<uint32_t>(all.size());
}

uint32_t job_groups::kill_all() {
  return (killer_ != nullptr ? killer_ : parts_.back().get())->kill_all();
}

// A process that is about to end is in no list, but populates its group.
bool job_groups::empty() const {
  const auto events = group().read("cgroup.events");
  return events.empty() ? group().processes().empty()
                        : number_in(events, "populated") == 0;
}

cgroup_usage job_groups::totals() const {
  cgroup_usage sum;
  for (const auto& part : parts_)
    part->add_totals(sum);
  return sum;
}

cgroup_usage job_groups::usage() const {
  auto used = totals();
  used.cpu_us -= before_.cpu_us;
  used.throttled_us -= before_.throttled_us;
  used.io_read_bytes -= before_.io_read_bytes;
  used.io_write_bytes -= before_.io_write_bytes;
  used.oom_kills -= before_.oom_kills;
  used.pids_refused -= before_.pids_refused;
  return used;
}

} // namespace

std::unique_ptr<job_cgroup> make_job_cgroup(cgroup_parts parts,
                                            bool clone_into) {
  return std::make_unique<job_groups>(std::move(parts), clone_into);
}

} // namespace ocw::launcher
