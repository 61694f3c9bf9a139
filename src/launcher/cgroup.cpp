#include "launcher/cgroup_part.hpp"

#include <fcntl.h>

#include <bit>
#include <cerrno>
#include <cstring>

// How it works
//
//   <group of the launcher>/<name>           own_group, one per hierarchy
//   <group of the launcher>/<name>/<number>  cgroup_part, one per shim in each
//
// Limits are held by version 1 for the controllers that are mounted there, and
// by version 2 for all others. Killing is version 2's wherever it is mounted,
// with or without controllers, and otherwise the freezer's (cgroups(7)).

namespace ocw::launcher {
namespace {

constexpr uint64_t limit_bits
  = wire::cgroup_memory | wire::cgroup_cpu | wire::cgroup_pids;

// Why some uses of a hierarchy cannot be had.
struct problem {
  uint64_t uses;
  std::string text;
};
using problems = std::vector<problem>;

// The launcher's own group in one hierarchy. Removed with the object.
struct own_group {
  std::string name;
  std::string path; // for messages
  cgroup_dir base;  // where it was made
  cgroup_dir dir;
  uint64_t uses = 0;
  bool unified = false;

  ~own_group() { ::unlinkat(base.fd(), name.c_str(), AT_REMOVEDIR); }
};
using own_groups = std::vector<std::unique_ptr<own_group>>;

std::string reason(std::string what, int error) {
  return std::move(what) + ": " + ::strerror(error);
}

// Drops what lacks its file, as when the kernel was built without it.
void check_files(own_group& group, problems& why) {
  for (const auto& use : cgroup_uses) {
    const auto* name = group.unified ? use.v2_file : use.v1_file;
    if ((group.uses & use.bit) == 0 || group.dir.has(name))
      continue;
    group.uses &= ~use.bit;
    why.push_back({use.bit, reason("cannot open " + group.path + "/" + name,
                                   -group.dir.file(name))});
  }
}

std::unique_ptr<own_group> make_in(const cgroup_mount& mount,
                                   const std::string& below,
                                   const std::string& name, uint64_t wanted,
                                   problems& why) {
  auto made = std::make_unique<own_group>();
  made->path = mount.point + below + "/" + name;
  made->unified = mount.unified;
  made->base = cgroup_dir{unique_fd{
    ::open((mount.point + below).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)}};
  auto error
    = made->base.fd() < 0 ? errno : made->dir.make(made->base.fd(), name);
  if (error != 0) {
    why.push_back({wanted, reason("cannot make " + made->path, error)});
    return nullptr;
  }
  made->name = name;
  clear_group(made->dir);
  // Those of launchers that took the place of one with this name; their node is
  // gone, or it would have another number to give.
  clear_group(made->base, name + "-");
  made->uses = wanted;
  if (mount.unified && (wanted & limit_bits) != 0) {
    const auto enabled = enable_v2(made->base, made->dir,
                                   (wanted & limit_bits) | counts_io, error);
    made->uses = (wanted & ~limit_bits) | enabled;
    if (error != 0)
      why.push_back(
        {limit_bits & ~enabled,
         reason("cannot enable controllers for " + made->path, error)});
  }
  check_files(*made, why);
  return made;
}

// Below this process's group, or else the one above that, or else the top.
std::unique_ptr<own_group> make_own_group(const cgroup_mount& mount,
                                          const std::string& name,
                                          uint64_t wanted, problems& why) {
  const auto slashed = "/" + name + "/";
  const auto above = mount.own.substr(0, mount.own.rfind('/'));
  std::unique_ptr<own_group> best;
  const std::string* last = nullptr;
  for (const auto& below : {mount.own, above, std::string{}}) {
    // Clearing a group this process is in would be its end.
    const auto inside
      = (mount.own + "/").starts_with(std::string{below}.append(slashed));
    if (inside || (last != nullptr && *last == below))
      continue;
    last = &below;
    auto made = make_in(mount, below, name, wanted, why);
    if (made
        && (!best
            || std::popcount(made->uses & wanted)
                 > std::popcount(best->uses & wanted)))
      best = std::move(made);
    if (best && (wanted & ~best->uses) == 0)
      break;
  }
  return best;
}

class groups_tree final : public cgroup_tree {
public:
  groups_tree(own_groups groups, uint64_t held)
    : groups_(std::move(groups)),
      held_(held),
      clone_into_(groups_.back()->unified && clones_into(groups_.back()->dir)) {
  }

  uint64_t mechanisms() const override { return held_; }
  std::string describe() const override;
  std::unique_ptr<job_cgroup> make(uint64_t number) override;

private:
  own_groups groups_; // that of version 2 is the last
  uint64_t held_;
  bool clone_into_;
};

std::string groups_tree::describe() const {
  uint64_t v1 = 0;
  uint64_t v2 = 0;
  for (const auto& group : groups_)
    (group->unified ? v2 : v1) |= group->uses & held_;
  if (v1 == 0)
    return (v2 & limit_bits) != 0 ? "v2" : "v2 kill";
  if (v2 == 0)
    return "v1";
  return (v2 & limit_bits) != 0 ? "v1 and v2" : "v1 limits, v2 kill";
}

std::unique_ptr<job_cgroup> groups_tree::make(uint64_t number) {
  cgroup_parts parts;
  for (const auto& group : groups_) {
    const auto make_part = group->unified ? make_v2_part : make_v1_part;
    parts.push_back(
      make_part(group->dir.fd(), std::to_string(number), group->uses));
    const auto error = parts.back()->error();
    const auto entry = parts.back()->entry();
    if (error != 0 || entry < 0) {
      parts.clear();
      errno = error != 0 ? error : -entry;
      return nullptr;
    }
  }
  return make_job_cgroup(std::move(parts), clone_into_);
}

void explain(uint64_t missing, bool any_mount, const problems& why,
             std::vector<std::string>& why_not) {
  for (const auto& use : cgroup_uses) {
    if (use.label == nullptr || (missing & use.bit) == 0)
      continue;
    auto text = std::string{"no control group file system is mounted"};
    if (any_mount)
      text = std::string{"no hierarchy has the "}
             + (use.bit == wire::cgroup_kill
                  ? "freezer or cgroup.kill"
                  : use.v2_name + std::string{" controller"});
    for (auto at = why.rbegin(); at != why.rend(); ++at)
      if ((at->uses & use.bit) != 0)
        text = at->text; // that of the first place tried
    why_not.push_back(use.label + (": " + text));
  }
}

} // namespace

std::unique_ptr<cgroup_tree>
open_cgroup_tree_in(const std::vector<cgroup_mount>& mounts,
                    const std::string& name, uint64_t wanted,
                    std::vector<std::string>& why_not) {
  wanted &= limit_bits | wire::cgroup_kill;
  auto left = wanted;
  auto by_v1 = uint64_t{0};
  for (const auto& mount : mounts)
    by_v1 |= mount.uses & limit_bits;
  problems why;
  std::unique_ptr<own_group> unified;
  for (const auto& mount : mounts)
    if (mount.unified && (left & ~by_v1) != 0)
      unified = make_own_group(mount, name, (left & ~by_v1) | counts_cpu, why);
  if (unified && (unified->uses & left) == 0)
    unified.reset();
  left &= unified ? ~unified->uses : ~uint64_t{0};
  own_groups groups;
  for (const auto& mount : mounts) {
    const auto uses = mount.uses & (left | (unified ? 0 : counts_cpu));
    if (mount.unified || uses == 0)
      continue;
    if (auto made = make_own_group(mount, name, uses, why)) {
      left &= ~made->uses;
      groups.push_back(std::move(made));
    }
  }
  if (unified)
    groups.push_back(std::move(unified));
  explain(left, !mounts.empty(), why, why_not);
  if (left == wanted)
    return nullptr;
  return std::make_unique<groups_tree>(std::move(groups), wanted & ~left);
}

std::unique_ptr<cgroup_tree>
open_cgroup_tree(const std::string& name, uint64_t wanted,
                 std::vector<std::string>& why_not) {
  const unique_fd mountinfo{
    ::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC)};
  const unique_fd own{::open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC)};
  const auto mounts
    = find_cgroup_mounts(read_all(mountinfo.get()), read_all(own.get()));
  return open_cgroup_tree_in(mounts, name, wanted, why_not);
}

} // namespace ocw::launcher
