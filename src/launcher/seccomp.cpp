#include "launcher/seccomp.hpp"

#include "launcher/fd.hpp"

#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <seccomp.h>

// What jobs may not ask of the kernel. A list of what is denied, because the
// programs that jobs run are not known: what the container engines deny by
// default, plus what reaches around namespaces. Denied calls fail with EPERM;
// clone3, whose flags a filter cannot see, with ENOSYS, so that the C library
// falls back to clone.

namespace ocw::launcher {
namespace {

constexpr auto denied = std::to_array<int>({
  // mounts and roots
  SCMP_SYS(mount),
  SCMP_SYS(umount2),
  SCMP_SYS(pivot_root),
  SCMP_SYS(chroot),
  SCMP_SYS(move_mount),
  SCMP_SYS(open_tree),
  SCMP_SYS(fsopen),
  SCMP_SYS(fsconfig),
  SCMP_SYS(fsmount),
  SCMP_SYS(fspick),
  SCMP_SYS(mount_setattr),
  SCMP_SYS(quotactl),
  SCMP_SYS(quotactl_fd),
  // other namespaces
  SCMP_SYS(setns),
  SCMP_SYS(open_by_handle_at),
  SCMP_SYS(name_to_handle_at),
  // keys are not in any namespace
  SCMP_SYS(keyctl),
  SCMP_SYS(add_key),
  SCMP_SYS(request_key),
  // the kernel itself
  SCMP_SYS(bpf),
  SCMP_SYS(perf_event_open),
  SCMP_SYS(userfaultfd),
  SCMP_SYS(io_uring_setup),
  SCMP_SYS(io_uring_enter),
  SCMP_SYS(io_uring_register),
  SCMP_SYS(init_module),
  SCMP_SYS(finit_module),
  SCMP_SYS(delete_module),
  SCMP_SYS(kexec_load),
  SCMP_SYS(kexec_file_load),
  SCMP_SYS(reboot),
  SCMP_SYS(syslog),
  SCMP_SYS(acct),
  SCMP_SYS(swapon),
  SCMP_SYS(swapoff),
  SCMP_SYS(kcmp),
  SCMP_SYS(fanotify_init),
  SCMP_SYS(lookup_dcookie),
  SCMP_SYS(vhangup),
  SCMP_SYS(nfsservctl),
  SCMP_SYS(uselib),
  SCMP_SYS(ustat),
  SCMP_SYS(sysfs),
  SCMP_SYS(_sysctl),
  SCMP_SYS(vm86),
  SCMP_SYS(vm86old),
  SCMP_SYS(ioperm),
  SCMP_SYS(iopl),
  SCMP_SYS(modify_ldt),
  // the machine's clock
  SCMP_SYS(settimeofday),
  SCMP_SYS(clock_settime),
  SCMP_SYS(clock_adjtime),
  SCMP_SYS(adjtimex),
  SCMP_SYS(stime),
});

constexpr auto tracing = std::to_array<int>({
  SCMP_SYS(ptrace),
  SCMP_SYS(process_vm_readv),
  SCMP_SYS(process_vm_writev),
  SCMP_SYS(pidfd_getfd),
});

// memfd_noexec, the sysctl, keeps such a file from execve but not from ld.so.
constexpr auto nameless_files = std::to_array<int>({
  SCMP_SYS(memfd_create),
  SCMP_SYS(memfd_secret),
});

constexpr uint64_t namespace_bits
  = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER
    | CLONE_NEWPID | CLONE_NEWNET | 0x80 /* CLONE_NEWTIME */;

class filter_builder {
public:
  filter_builder() : context_(::seccomp_init(SCMP_ACT_ALLOW)) {
    // Calls of another architecture, such as 32-bit ones, have other numbers.
    keep(::seccomp_attr_set(context_, SCMP_FLTATR_ACT_BADARCH,
                            SCMP_ACT_ERRNO(ENOSYS)));
    keep(::seccomp_attr_set(context_, SCMP_FLTATR_CTL_OPTIMIZE, 2));
  }
  filter_builder(const filter_builder&) = delete;
  filter_builder& operator=(const filter_builder&) = delete;
  ~filter_builder() { ::seccomp_release(context_); }

  void deny(int number) { deny_with(number, EPERM); }

  void deny_with(int number, int error) {
    // A call this architecture has not is denied already.
    if (number >= 0)
      keep(::seccomp_rule_add(
        context_, SCMP_ACT_ERRNO(static_cast<unsigned>(error)), number, 0));
  }

  void deny_if(int number, scmp_arg_cmp condition) {
    keep(::seccomp_rule_add_array(context_, SCMP_ACT_ERRNO(EPERM), number, 1,
                                  &condition));
  }

  /// 0 or the first error.
  int error() const { return error_; }
  int write_to(int fd) const { return ::seccomp_export_bpf(context_, fd); }

private:
  void keep(int result) {
    if (result < 0 && error_ == 0)
      error_ = -result;
  }

  scmp_filter_ctx context_;
  int error_ = 0;
};

scmp_arg_cmp argument(unsigned which, scmp_compare how, uint64_t a,
                      uint64_t b = 0) {
  return {which, how, a, b};
}

// A flag of a mask at a time: "any of these bits" is no comparison there is.
void deny_namespaces(filter_builder& filter) {
  for (uint64_t bit = 1; bit <= namespace_bits; bit <<= 1)
    if ((namespace_bits & bit) != 0)
      for (const auto number : {SCMP_SYS(clone), SCMP_SYS(unshare)})
        filter.deny_if(number, argument(0, SCMP_CMP_MASKED_EQ, bit, bit));
  filter.deny_with(SCMP_SYS(clone3), ENOSYS);
}

// Families that no network namespace holds, or that nobody needs.
void deny_sockets(filter_builder& filter, bool no_inet) {
  if (no_inet)
    for (const auto family : {AF_INET, AF_INET6, AF_NETLINK})
      filter.deny_if(SCMP_SYS(socket),
                     argument(0, SCMP_CMP_EQ, static_cast<uint64_t>(family)));
  for (const auto family : {AF_VSOCK, AF_ALG, AF_PACKET, AF_KEY, AF_BLUETOOTH,
                            AF_RDS, AF_TIPC, AF_CAN, AF_NFC, AF_XDP})
    filter.deny_if(SCMP_SYS(socket),
                   argument(0, SCMP_CMP_EQ, static_cast<uint64_t>(family)));
}

// Input can be pushed into a terminal by them; ioctl_tty(2).
void deny_terminal_tricks(filter_builder& filter) {
  constexpr uint64_t low_half = 0xffffffff; // the kernel looks at no more
  for (const uint64_t request : {TIOCSTI, TIOCLINUX})
    filter.deny_if(SCMP_SYS(ioctl),
                   argument(1, SCMP_CMP_MASKED_EQ, low_half, request));
}

seccomp_program read_program(const filter_builder& filter) {
  const unique_fd file{::memfd_create("seccomp", MFD_CLOEXEC)};
  struct stat what {};
  if (!file || filter.write_to(file.get()) < 0
      || ::fstat(file.get(), &what) != 0)
    return {};
  const auto size = static_cast<size_t>(what.st_size);
  seccomp_program program(size / sizeof(sock_filter));
  if (::pread(file.get(), program.data(), size, 0)
      != static_cast<ssize_t>(size))
    return {};
  return program;
}

} // namespace

seccomp_program compile_seccomp(const seccomp_plan& plan,
                                std::string& why_not) {
  filter_builder filter;
  for (const auto number : denied)
    filter.deny(number);
  if (plan.no_tracing)
    for (const auto number : tracing)
      filter.deny(number);
  if (plan.no_memfd)
    for (const auto number : nameless_files)
      filter.deny(number);
  deny_namespaces(filter);
  deny_sockets(filter, plan.no_inet);
  deny_terminal_tricks(filter);
  seccomp_program program;
  if (filter.error() == 0)
    program = read_program(filter);
  if (program.empty())
    why_not = std::string{"cannot compile the filter: "}
              + std::strerror(filter.error() != 0 ? filter.error() : errno);
  return program;
}

} // namespace ocw::launcher
