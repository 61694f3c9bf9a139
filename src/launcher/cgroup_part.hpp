#pragma once

#include "launcher/cgroup.hpp"
#include "launcher/cgroup_dir.hpp"

#include <optional>

namespace ocw::launcher {

inline constexpr uint64_t cpu_period_us = 100'000; ///< of quotas

/// The group of one shim in one hierarchy. Removed with the object.
class cgroup_part {
public:
  cgroup_part(int parent, std::string name, uint64_t uses)
    : parent_(parent),
      name_(std::move(name)),
      uses_(uses),
      error_(dir_.make(parent_, name_)) {}
  virtual ~cgroup_part() { remove_group(parent_, name_); }
  cgroup_part(const cgroup_part&) = delete;
  cgroup_part& operator=(const cgroup_part&) = delete;

  int error() const { return error_; } ///< why it could not be made, or 0
  virtual bool unified() const = 0;    ///< of version 2
  bool has(uint64_t use) const { return (uses_ & use) != 0; }
  const cgroup_dir& dir() const { return dir_; }

  /// See job_cgroup. Makes a new group where the old one cannot be used again.
  int prepare(const cgroup_limits& limits);

  virtual int entry() const = 0; ///< a descriptor, or -errno
  virtual int oom_fd() const = 0;
  virtual short oom_poll_events() const = 0;

  /// Takes the event off `oom_fd`. Where it comes before its kill is counted,
  /// waits a moment for more than `kills`.
  virtual void take_oom_event(uint64_t kills) = 0;

  /// See job_cgroup.
  virtual uint32_t kill_all() { return kill_in_rounds(dir_); }

  /// Adds what the group has counted since it was made.
  virtual void add_totals(cgroup_usage& usage) const = 0;

protected:
  virtual void watch_memory() = 0; ///< once in a new group
  /// Forgets the peak and what the last job left. False when it takes a new
  /// group to do so.
  virtual bool clean(uint64_t memory_limit) = 0;
  /// These take 0 for no limit and return errno.
  virtual int set_memory(uint64_t bytes) = 0;
  virtual int set_cpu(uint64_t quota_us) = 0;

private:
  int write_limits(const cgroup_limits& next);

  cgroup_dir dir_;
  int parent_; // the tree's
  std::string name_;
  uint64_t uses_;
  int error_;
  bool used_ = false;
  std::optional<cgroup_limits> limits_; // none: not known
};

using cgroup_parts = std::vector<std::unique_ptr<cgroup_part>>;

std::unique_ptr<cgroup_part> make_v1_part(int parent, std::string name,
                                          uint64_t uses);
std::unique_ptr<cgroup_part> make_v2_part(int parent, std::string name,
                                          uint64_t uses);

/// One group in each hierarchy that is used; that of version 2 is the last.
/// `clone_into`: see clones_into.
std::unique_ptr<job_cgroup> make_job_cgroup(cgroup_parts parts,
                                            bool clone_into);

/// Enables controllers in `dir`, a group of version 2 right below `base`, and
/// for the groups in it. Moves this process to a leaf `launcher` in `dir` when
/// it is in the way. Returns which of `uses` are enabled, and the last errno.
uint64_t enable_v2(const cgroup_dir& base, const cgroup_dir& dir, uint64_t uses,
                   int& error);

/// Whether CLONE_INTO_CGROUP works for groups of version 2 in `dir`. It is
/// tried: it can be forbidden (seccomp), missing (before kernel 5.7), or KILL
/// the child when somebody once wrote into the cgroup.kill of this process's
/// own group.
bool clones_into(const cgroup_dir& dir);

/// open_cgroup_tree with these mounts.
std::unique_ptr<cgroup_tree>
open_cgroup_tree_in(const std::vector<cgroup_mount>& mounts,
                    const std::string& name, uint64_t wanted,
                    std::vector<std::string>& why_not);

} // namespace ocw::launcher
