#include "launcher/identity.hpp"

#include "launcher/sys.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>

#include <cerrno>
#include <linux/capability.h>

namespace ocw::launcher {
namespace {

long take_uid(const child_plan& plan) {
  auto done = sys(SYS_setgroups, 0, nullptr);
  if (done >= 0)
    done = sys(SYS_setresgid, plan.gid, plan.gid, plan.gid);
  if (done >= 0)
    done = sys(SYS_setresuid, plan.uid, plan.uid, plan.uid);
  return done;
}

size_t length_of(const char* text) {
  size_t length = 0;
  while (text[length] != '\0')
    ++length;
  return length;
}

long write_file(const char* path, const char* text) {
  const auto file = sys(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC);
  if (file < 0)
    return file;
  const auto done = sys(SYS_write, file, text, length_of(text));
  sys(SYS_close, file);
  return done;
}

// user_namespaces(7): a process may map its own ids, one each, once it has
// given up setgroups. The files are the process's own only while it is
// "dumpable"; the memory is the shim's, so the time is kept short.
long enter_userns(const child_plan& plan) {
  auto done = sys(SYS_unshare, CLONE_NEWUSER);
  if (done < 0)
    return done;
  sys(SYS_prctl, PR_SET_DUMPABLE, 1);
  done = write_file("/proc/self/setgroups", "deny");
  if (done >= 0)
    done = write_file("/proc/self/gid_map", plan.gid_map);
  if (done >= 0)
    done = write_file("/proc/self/uid_map", plan.uid_map);
  sys(SYS_prctl, PR_SET_DUMPABLE, 0);
  return done;
}

// capabilities(7): out of the bounding set, so that no program can bring one,
// then out of the process.
long drop_capabilities() {
  for (int capability = 0;; ++capability) {
    const auto done = sys(SYS_prctl, PR_CAPBSET_DROP, capability, 0, 0, 0);
    if (done == -EINVAL) // beyond the last one
      break;
    if (done == -EPERM) // nothing to drop with: then there are none either
      break;
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[2] = {};
  return sys(SYS_capset, &header, none);
}

} // namespace

long take_identity(const child_plan& plan) {
  long done = 0;
  if ((plan.mechanisms & wire::own_uid) != 0)
    done = take_uid(plan);
  if (done >= 0 && (plan.mechanisms & wire::userns) != 0)
    done = enter_userns(plan);
  if (done >= 0 && (plan.mechanisms & (wire::own_uid | wire::userns)) != 0)
    done = drop_capabilities();
  return done;
}

} // namespace ocw::launcher
