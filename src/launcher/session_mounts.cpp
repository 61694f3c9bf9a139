#include "launcher/session_mounts.hpp"

#include "launcher/private_root.hpp"
#include "launcher/sys.hpp"

#include <fcntl.h>
#include <sys/mount.h>

// What a session adds to the private root (see private_root.cpp). Everything
// else in it is read-only and shared by all sessions.

namespace ocw::launcher {
namespace {

constexpr auto base_flags = MS_NOSUID | MS_NODEV;

long bind(const char* source, const char* target, unsigned long flags) {
  auto done = sys(SYS_mount, source, target, nullptr, MS_BIND);
  // The flags of a bind mount are set in a second step; mount(2).
  if (done >= 0 && flags != 0)
    done = sys(SYS_mount, nullptr, target, nullptr,
               MS_REMOUNT | MS_BIND | base_flags | flags);
  return done;
}

bool begins_with_tmp(const char* path) {
  const char tmp[] = "/tmp/";
  for (size_t i = 0; i + 1 < sizeof(tmp); ++i)
    if (path[i] != tmp[i])
      return false;
  return true;
}

// A directory below /tmp has to be made again in the session's own.
void make_parents(const char* path) {
  char part[4096];
  for (size_t i = 0; path[i] != '\0' && i + 1 < sizeof(part); ++i) {
    part[i] = path[i];
    part[i + 1] = '\0';
    if (path[i + 1] == '/' || path[i + 1] == '\0')
      sys(SYS_mkdirat, AT_FDCWD, part, 0755);
  }
}

// The other sessions' directories are covered, and this one is put back.
long mount_directories(const mount_plan& plan, unsigned long flags) {
  auto done = bind(plan.temporary_source, "/tmp", flags);
  if (begins_with_tmp(plan.sessions_dir))
    make_parents(plan.sessions_dir);
  if (done >= 0)
    done = sys(SYS_mount, "tmpfs", plan.sessions_dir, "tmpfs",
               base_flags | flags, plan.tmpfs_options);
  if (done >= 0)
    done = sys(SYS_mkdirat, AT_FDCWD, plan.session_dir, 0755);
  if (done >= 0)
    done = bind(plan.session_source, plan.session_dir, flags);
  if (done >= 0 && plan.workspace_mount >= 0)
    done = sys(SYS_move_mount, plan.workspace_mount, "", AT_FDCWD,
               plan.work_dir, MOVE_MOUNT_F_EMPTY_PATH);
  else if (done >= 0 && plan.workspace_source != nullptr)
    done = bind(plan.workspace_source, plan.work_dir, 0);
  if (done >= 0 && flags != 0 && plan.workspace_source != nullptr)
    done = sys(SYS_mount, nullptr, plan.work_dir, nullptr,
               MS_REMOUNT | MS_BIND | base_flags | flags);
  return done;
}

// What is shown to all sessions, where their own /tmp would hide it.
long show_in_tmp(const mount_plan& plan) {
  auto done = long{0};
  for (size_t i = 0; i < plan.in_tmp_count && done >= 0; ++i) {
    make_parents(plan.in_tmp[i].target);
    done = bind(plan.in_tmp[i].source, plan.in_tmp[i].target, MS_RDONLY);
  }
  return done;
}

} // namespace

long attach_disk(const mount_plan& plan) {
  return plan.disk < 0 ? 0
                       : sys(SYS_move_mount, plan.disk, "", AT_FDCWD,
                             plan.session_source, MOVE_MOUNT_F_EMPTY_PATH);
}

long mount_session(const mount_plan& plan) {
  const auto noexec = plan.noexec ? static_cast<unsigned long>(MS_NOEXEC) : 0;
  auto done = mount_directories(plan, noexec);
  if (done >= 0)
    done = show_in_tmp(plan);
  if (done >= 0)
    done = sys(SYS_mount, "proc", "/proc", "proc",
               MS_NOSUID | MS_NODEV | MS_NOEXEC);
  if (done >= 0)
    done = sys(SYS_mount, "devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
               "newinstance,ptmxmode=0666,mode=0620");
  // What the session's own things were taken from is nobody else's business.
  if (done >= 0)
    done = sys(SYS_umount2, hidden_dir, MNT_DETACH);
  return done;
}

} // namespace ocw::launcher
