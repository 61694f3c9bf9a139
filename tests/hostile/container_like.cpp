// Runs a program with the rights a container engine's default profile leaves:
// container_like PROGRAM ARGUMENT… As root it keeps docker's 14 capabilities,
// control groups are out of sight, and a filter denies namespaces, mounts and
// what else such profiles deny. It is a likeness, made from what those profiles
// document, not a container.

#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>

namespace {

constexpr std::array kept{
  CAP_CHOWN,   CAP_DAC_OVERRIDE, CAP_FSETID,           CAP_FOWNER,
  CAP_MKNOD,   CAP_NET_RAW,      CAP_SETGID,           CAP_SETUID,
  CAP_SETFCAP, CAP_SETPCAP,      CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT,
  CAP_KILL,    CAP_AUDIT_WRITE};

constexpr std::array denied{SCMP_SYS(mount),
                            SCMP_SYS(umount2),
                            SCMP_SYS(pivot_root),
                            SCMP_SYS(move_mount),
                            SCMP_SYS(open_tree),
                            SCMP_SYS(fsopen),
                            SCMP_SYS(fsconfig),
                            SCMP_SYS(fsmount),
                            SCMP_SYS(fspick),
                            SCMP_SYS(mount_setattr),
                            SCMP_SYS(unshare),
                            SCMP_SYS(setns),
                            SCMP_SYS(bpf),
                            SCMP_SYS(perf_event_open),
                            SCMP_SYS(keyctl),
                            SCMP_SYS(add_key),
                            SCMP_SYS(request_key),
                            SCMP_SYS(userfaultfd),
                            SCMP_SYS(io_uring_setup),
                            SCMP_SYS(io_uring_enter),
                            SCMP_SYS(init_module),
                            SCMP_SYS(finit_module),
                            SCMP_SYS(delete_module),
                            SCMP_SYS(kexec_load),
                            SCMP_SYS(reboot),
                            SCMP_SYS(swapon),
                            SCMP_SYS(swapoff),
                            SCMP_SYS(acct),
                            SCMP_SYS(quotactl),
                            SCMP_SYS(syslog),
                            SCMP_SYS(settimeofday),
                            SCMP_SYS(clock_settime),
                            SCMP_SYS(iopl),
                            SCMP_SYS(ioperm),
                            SCMP_SYS(fanotify_init),
                            SCMP_SYS(lookup_dcookie),
                            SCMP_SYS(open_by_handle_at)};

constexpr unsigned long namespace_flags
  = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER
    | CLONE_NEWPID | CLONE_NEWNET;

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "container_like: %s: %s\n", what, std::strerror(errno));
  ::_exit(125);
}

void hide_control_groups() {
  if (::unshare(CLONE_NEWNS) != 0
      || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    fail("a mount namespace");
  if (::access("/sys/fs/cgroup", F_OK) == 0
      && ::mount("none", "/sys/fs/cgroup", "tmpfs", MS_RDONLY, nullptr) != 0)
    fail("hide /sys/fs/cgroup");
}

void filter_calls() {
  auto* filter = ::seccomp_init(SCMP_ACT_ALLOW);
  // Set-uid programs work in containers; nothing here may change that.
  auto error = ::seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
  for (const auto number : denied)
    if (number >= 0 && error == 0)
      error = ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
  for (unsigned long bit = 1; bit <= namespace_flags; bit <<= 1)
    if ((namespace_flags & bit) != 0 && error == 0)
      error = ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone),
                                 1, SCMP_A0(SCMP_CMP_MASKED_EQ, bit, bit));
  if (error == 0)
    error
      = ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
  if (error == 0)
    error = ::seccomp_load(filter);
  errno = -error;
  if (error != 0)
    fail("seccomp");
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 2)
    return 2;
  hide_control_groups();
  for (int each = 0; ::prctl(PR_CAPBSET_READ, each) >= 0; ++each)
    if (std::find(kept.begin(), kept.end(), each) == kept.end()
        && ::prctl(PR_CAPBSET_DROP, each) != 0)
      fail("capabilities");
  filter_calls();
  ::execv(argv[1], argv + 1); // which is where the capabilities go
  fail(argv[1]);
}
