#include "launcher/cgroup_part.hpp"

#include <poll.h>
#include <sys/eventfd.h>

#include <cerrno>

// Version 1: Documentation/admin-guide/cgroup-v1/{memory,pids,cpuacct}.rst and
// Documentation/scheduler/sched-bwc.rst of the kernel. Several controllers may
// share a hierarchy, hence one class for all of them.

namespace ocw::launcher {
namespace {

constexpr int oom_patience_ms = 200; // two periods of a quota that is used up

class v1_part final : public cgroup_part {
public:
  using cgroup_part::cgroup_part;

  bool unified() const override { return false; }
  // Not cgroup.procs: to move one thread, the kernel need not keep all others
  // from forking, which takes milliseconds when it has not done so lately.
  int entry() const override { return dir().file("tasks"); }
  int oom_fd() const override { return oom_.get(); }
  short oom_poll_events() const override { return POLLIN; }
  void take_oom_event(uint64_t kills) override;
  void add_totals(cgroup_usage& usage) const override;

private:
  void watch_memory() override;
  bool clean(uint64_t limit) override;
  int set_memory(uint64_t bytes) override;
  int set_cpu(uint64_t quota_us) override;

  unique_fd oom_;
};

void v1_part::watch_memory() {
  oom_.reset(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (dir().write("cgroup.event_control",
                  std::to_string(oom_.get()) + " "
                    + std::to_string(dir().file("memory.oom_control")))
      != 0)
    oom_.reset();
  dir().write("memory.swappiness", "0"); // in case swap is not counted
}

// The page cache can be dropped, what is still in a tmpfs cannot.
bool v1_part::clean(uint64_t limit) {
  if (!has(wire::cgroup_memory))
    return true;
  uint64_t old = 0;
  while (::read(oom_.get(), &old, sizeof(old)) > 0) {
    // an event of the last job
  }
  const auto crowded = [&] {
    return limit != 0 && dir().number("memory.usage_in_bytes") > limit / 2;
  };
  if (crowded())
    dir().write("memory.force_empty", "0");
  return !crowded() && dir().write("memory.max_usage_in_bytes", "0") == 0;
}

// The limit of memory and swap together must never be the smaller one: on the
// way up it has to go first.
int v1_part::set_memory(uint64_t bytes) {
  const auto text = bytes == 0 ? "-1" : std::to_string(bytes);
  const auto first = dir().write("memory.limit_in_bytes", text);
  if (first != 0 && first != EINVAL)
    return first;
  const auto both = dir().write("memory.memsw.limit_in_bytes", text);
  if (both != 0 && both != ENOENT) // ENOENT: swap is not counted
    return both;
  return first == 0 ? 0 : dir().write("memory.limit_in_bytes", text);
}

int v1_part::set_cpu(uint64_t quota_us) {
  const auto unlimited = std::string{"-1"};
  auto error = dir().write("cpu.cfs_period_us", std::to_string(cpu_period_us));
  if (error == 0)
    error = dir().write("cpu.cfs_quota_us",
                        quota_us == 0 ? unlimited : std::to_string(quota_us));
  // A group above has less than that, and so holds this one as well.
  return error == EINVAL ? dir().write("cpu.cfs_quota_us", unlimited) : error;
}

// The kernel tells of its trouble before it looks for somebody to kill, and it
// tells everybody below the group that is full (mm/memcontrol-v1.c).
void v1_part::take_oom_event(uint64_t kills) {
  uint64_t events = 0;
  if (::read(oom_.get(), &events, sizeof(events)) != sizeof(events))
    return;
  for (int i = 0; i < oom_patience_ms; ++i) {
    if (dir().number("memory.oom_control", "oom_kill") > kills)
      return;
    ::poll(nullptr, 0, 1);
  }
}

void v1_part::add_totals(cgroup_usage& usage) const {
  if (has(wire::cgroup_memory)) {
    // memory.failcnt is of no use: it stays 0 when the kernel kills.
    usage.oom_kills += dir().number("memory.oom_control", "oom_kill");
    usage.memory_peak_kb += dir().number("memory.max_usage_in_bytes") / 1024;
  }
  if (has(wire::cgroup_cpu))
    usage.throttled_us += dir().number("cpu.stat", "throttled_time") / 1000;
  if (has(counts_cpu))
    usage.cpu_us += dir().number("cpuacct.usage") / 1000;
  if (has(wire::cgroup_pids))
    usage.pids_refused += dir().number("pids.events", "max");
}

} // namespace

std::unique_ptr<cgroup_part> make_v1_part(int parent, std::string name,
                                          uint64_t uses) {
  return std::make_unique<v1_part>(parent, std::move(name), uses);
}

} // namespace ocw::launcher
