#include "launcher/cgroup_part.hpp"

#include <linux/sched.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>

// Version 2: Documentation/admin-guide/cgroup-v2.rst of the kernel. Where
// version 1 has the controllers, it still kills and counts.

namespace ocw::launcher {
namespace {

std::string or_max(uint64_t limit) {
  return limit == 0 ? "max" : std::to_string(limit);
}

uint64_t sum_of(std::string_view text, std::string_view key) {
  uint64_t sum = 0;
  for (auto at = text.find(key); at != text.npos; at = text.find(key, at + 1))
    sum += number_in(text.substr(at + key.size()));
  return sum;
}

class v2_part final : public cgroup_part {
public:
  using cgroup_part::cgroup_part;

  bool unified() const override { return true; }
  int entry() const override { return dir().file("cgroup.procs"); }
  int oom_fd() const override { return dir().file("memory.events"); }
  short oom_poll_events() const override { return POLLPRI; }
  void take_oom_event(uint64_t) override {} // reading memory.events does
  uint32_t kill_all() override;
  void add_totals(cgroup_usage& usage) const override;

private:
  void watch_memory() override { dir().write("memory.oom.group", "1"); }
  bool clean(uint64_t limit) override;
  int set_memory(uint64_t bytes) override;
  int set_cpu(uint64_t quota_us) override;

  bool killed_ = false;
};

// For good are the peak (before kernel 6.12, since when a write to memory.peak
// resets what is read through the same open file), what is in a tmpfs, and a
// use of cgroup.kill: whoever is cloned into the group from another that was
// killed less often is taken for a fork that got away, and KILLed at birth
// (kill_seq in kernel/cgroup/cgroup.c, seen in 6.18).
bool v2_part::clean(uint64_t limit) {
  if (std::exchange(killed_, false))
    return false;
  if (!has(wire::cgroup_memory))
    return true;
  if (limit != 0 && dir().number("memory.current") > limit / 2)
    return false;
  return !dir().has("memory.peak") || dir().write("memory.peak", "reset") == 0;
}

uint32_t v2_part::kill_all() {
  const auto seen = static_cast<uint32_t>(dir().processes().size());
  killed_ = dir().write("cgroup.kill", "1") == 0;
  return killed_ ? seen : cgroup_part::kill_all();
}

int v2_part::set_memory(uint64_t bytes) {
  const auto error = dir().write("memory.max", or_max(bytes));
  if (error != 0)
    return error;
  const auto swap = dir().write("memory.swap.max", bytes == 0 ? "max" : "0");
  return swap == ENOENT ? 0 : swap; // ENOENT: swap is not counted
}

int v2_part::set_cpu(uint64_t quota_us) {
  return dir().write("cpu.max",
                     or_max(quota_us) + " " + std::to_string(cpu_period_us));
}

void v2_part::add_totals(cgroup_usage& usage) const {
  const auto cpu = dir().read("cpu.stat"); // there without a controller, too
  usage.cpu_us += number_in(cpu, "usage_usec");
  usage.throttled_us += number_in(cpu, "throttled_usec");
  if (has(wire::cgroup_memory)) {
    usage.oom_kills += dir().number("memory.events", "oom_kill");
    usage.memory_peak_kb += dir().number("memory.peak") / 1024;
  }
  if (has(wire::cgroup_pids))
    usage.pids_refused += dir().number("pids.events", "max");
  if (has(counts_io)) {
    const auto io = dir().read("io.stat");
    usage.io_read_bytes += sum_of(io, "rbytes=");
    usage.io_write_bytes += sum_of(io, "wbytes=");
  }
}

// One by one: a controller that cannot be had does not cost the others.
uint64_t enable_below(const cgroup_dir& dir, uint64_t uses, int& error) {
  const auto text = dir.read("cgroup.subtree_control");
  const auto already = split(text.substr(0, text.find('\n')), ' ');
  uint64_t enabled = 0;
  for (const auto& use : cgroup_uses) {
    if ((uses & use.bit) == 0 || *use.v2_name == '\0')
      continue;
    const auto name = std::string{use.v2_name};
    const auto failed = std::count(already.begin(), already.end(), name) > 0
                          ? 0
                          : dir.write("cgroup.subtree_control", "+" + name);
    if (failed == 0)
      enabled |= use.bit;
    else if (use.label != nullptr)
      error = failed;
  }
  return enabled;
}

} // namespace

// A group with controllers for those below it holds no processes itself ("no
// internal process constraint"). If this is the only one in `base`, as in a
// systemd unit of its own with Delegate=yes, it makes room.
uint64_t enable_v2(const cgroup_dir& base, const cgroup_dir& dir, uint64_t uses,
                   int& error) {
  auto enabled = enable_below(base, uses, error);
  cgroup_dir leaf;
  if (error == EBUSY && leaf.make(dir.fd(), "launcher") == 0
      && leaf.write("cgroup.procs", "0") == 0) {
    error = 0;
    enabled = enable_below(base, uses, error);
    if (error == EBUSY) { // somebody else is in there
      base.write("cgroup.procs", "0");
      remove_group(dir.fd(), "launcher");
    }
  }
  return enable_below(dir, enabled, error);
}

bool clones_into(const cgroup_dir& dir) {
  cgroup_dir group;
  if (group.make(dir.fd(), "probe") != 0)
    return false;
  clone_args how{}; // no signal when it ends
  how.flags = CLONE_INTO_CGROUP;
  how.cgroup = static_cast<uint64_t>(group.fd());
  const auto pid = static_cast<pid_t>(::syscall(SYS_clone3, &how, sizeof(how)));
  if (pid == 0)
    ::_exit(0);
  int status = -1;
  const auto works
    = pid > 0 && ::waitpid(pid, &status, __WALL) == pid && status == 0;
  remove_group(dir.fd(), "probe");
  return works;
}

std::unique_ptr<cgroup_part> make_v2_part(int parent, std::string name,
                                          uint64_t uses) {
  return std::make_unique<v2_part>(parent, std::move(name), uses);
}

} // namespace ocw::launcher
