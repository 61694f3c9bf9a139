#include "launcher/workspace_mount.hpp"

#include "launcher/identity.hpp"
#include "launcher/sys.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>

namespace ocw::launcher {
namespace {

constexpr size_t stack_bytes = 16 << 10;
alignas(64) char stack[stack_bytes];

struct maker_frame {
  const child_plan& plan;
  long result = -EAGAIN;
};

// A process that is there only to become the user namespace's owner, and to
// leave it in the descriptors it shares with the caller.
int run_maker(void* argument) {
  auto& frame = *static_cast<maker_frame*>(argument);
  frame.result = take_identity(frame.plan);
  if (frame.result >= 0)
    frame.result = sys(SYS_openat, AT_FDCWD, "/proc/self/ns/user",
                       O_RDONLY | O_CLOEXEC, 0);
  sys(SYS_exit, 0);
  return 0;
}

std::string map_of(uint32_t inside, uint32_t outside) {
  return std::to_string(inside) + " " + std::to_string(outside) + " 1";
}

unique_fd make_mapping(const struct stat& owner, uint32_t uid, uint32_t gid) {
  const auto uids = map_of(owner.st_uid, uid);
  const auto gids = map_of(owner.st_gid, gid);
  child_plan plan;
  plan.mechanisms = wire::own_uid | wire::userns;
  plan.uid = uid;
  plan.gid = gid;
  plan.uid_map = uids.c_str();
  plan.gid_map = gids.c_str();
  maker_frame frame{plan};
  const auto flags = CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD;
  const auto pid = ::clone(run_maker, stack + sizeof(stack), flags, &frame);
  if (pid < 0)
    return {};
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR)
    continue;
  if (frame.result < 0) {
    errno = static_cast<int>(-frame.result);
    return {};
  }
  return unique_fd{static_cast<int>(frame.result)};
}

} // namespace

unique_fd make_workspace_mount(const std::string& path, uint32_t uid,
                               uint32_t gid) {
  struct stat owner {};
  if (::stat(path.c_str(), &owner) != 0)
    return {};
  const auto mapping = make_mapping(owner, uid, gid);
  if (!mapping)
    return {};
  unique_fd tree{
    static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, path.c_str(),
                               OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC))};
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_IDMAP | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  attributes.userns_fd = static_cast<uint64_t>(mapping.get());
  if (!tree
      || ::syscall(SYS_mount_setattr, tree.get(), "", AT_EMPTY_PATH,
                   &attributes, sizeof(attributes))
           != 0)
    return {};
  return tree;
}

} // namespace ocw::launcher
