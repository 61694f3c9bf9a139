#include "hostile/job/attacks.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <linux/keyctl.h>

// Calls that change the kernel's state, or reach around what holds a job.

namespace hostile {
namespace {

using bytes = std::array<char, 256>;

// In a child, because it would change everything that follows.
int in_child(long (*body)()) {
  const auto pid = ::fork();
  if (pid == 0)
    ::_exit(outcome(body()));
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

int unshare_user(const std::string&) {
  return in_child([]() -> long { return ::unshare(CLONE_NEWUSER); });
}

int unshare_all(const std::string&) {
  return in_child([]() -> long {
    return ::unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET);
  });
}

int clone_user(const std::string&) {
  const auto pid = ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
  if (pid == 0)
    ::_exit(0);
  const auto result = outcome(pid);
  ::waitpid(static_cast<pid_t>(pid), nullptr, 0);
  return result;
}

int clone3_user(const std::string&) {
  std::array<unsigned long, 8> how{};
  how[0] = CLONE_NEWUSER;
  how[4] = SIGCHLD;
  const auto pid = ::syscall(SYS_clone3, how.data(), sizeof(how));
  if (pid == 0)
    ::_exit(0);
  const auto result = outcome(pid);
  ::waitpid(static_cast<pid_t>(pid), nullptr, 0);
  return result;
}

// Nothing may come of the next ones even where they are allowed: EINVAL is what
// the kernel says of a place that is no mount, after it has looked at who asks.
int allowed_but_senseless(long done) {
  return done < 0 && errno == EINVAL ? 0 : outcome(done);
}

int mount_tmpfs(const std::string&) {
  ::mkdir("place", 0755);
  const auto result = outcome(::mount("none", "place", "tmpfs", 0, ""));
  if (result == 0)
    ::umount2("place", MNT_DETACH);
  ::rmdir("place");
  return result;
}

int remount(const std::string&) {
  return allowed_but_senseless(
    ::mount(nullptr, ".", nullptr, MS_REMOUNT | MS_BIND, nullptr));
}

int unmount(const std::string&) {
  return allowed_but_senseless(::umount2(".", 0));
}

int open_tree(const std::string&) {
  return outcome(::syscall(SYS_open_tree, AT_FDCWD, "/", 1 /* CLONE */));
}

int open_filesystem(const std::string&) {
  return outcome(::syscall(SYS_fsopen, "tmpfs", 0));
}

int change_root(const std::string&) {
  return in_child([]() -> long { return ::chroot("."); });
}

int pivot(const std::string&) {
  return allowed_but_senseless(::syscall(SYS_pivot_root, ".", "."));
}

int enter_namespace(const std::string& path) {
  const auto fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return errno;
  const auto result = outcome(::setns(fd, 0));
  ::close(fd);
  return result;
}

int open_by_handle(const std::string&) {
  std::array<int, 4> handle{0, 1, 0, 0};
  return outcome(::syscall(SYS_open_by_handle_at, AT_FDCWD, handle.data(), 0));
}

int add_key(const std::string&) {
  return outcome(
    ::syscall(SYS_add_key, "user", "mine", "x", 1, KEY_SPEC_PROCESS_KEYRING));
}

int control_keys(const std::string&) {
  return outcome(
    ::syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 1));
}

int load_bpf(const std::string&) {
  bytes attributes{}; // a map: type 2, array; key and value of 4 bytes
  const std::array<unsigned, 4> map{2, 4, 4, 1};
  std::memcpy(attributes.data(), map.data(), sizeof(map));
  return outcome(::syscall(SYS_bpf, 0, attributes.data(), 72));
}

int watch_events(const std::string&) {
  bytes attributes{};
  const unsigned software = 1;
  const unsigned size = 112;
  std::memcpy(attributes.data(), &software, sizeof(software));
  std::memcpy(attributes.data() + 4, &size, sizeof(size));
  return outcome(
    ::syscall(SYS_perf_event_open, attributes.data(), 0, -1, -1, 0));
}

int take_faults(const std::string&) {
  return outcome(::syscall(SYS_userfaultfd, 1 /* user mode only */));
}

int open_ring(const std::string&) {
  bytes parameters{};
  return outcome(::syscall(SYS_io_uring_setup, 1, parameters.data()));
}

int load_module(const std::string&) {
  return outcome(::syscall(SYS_init_module, "", 0, ""));
}

int read_log(const std::string&) {
  bytes text{};
  return outcome(::klogctl(3, text.data(), static_cast<int>(text.size())));
}

int set_clock(const std::string&) {
  return outcome(::syscall(SYS_settimeofday, nullptr, nullptr)); // to nothing
}

// A set-uid program would give it what it has not.
int may_gain_privileges(const std::string&) {
  return ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0 ? 0 : EPERM;
}

} // namespace

const named_attack kernel_attacks[] = {
  {"userns", unshare_user},
  {"unshare", unshare_all},
  {"clone", clone_user},
  {"clone3", clone3_user},
  {"mount", mount_tmpfs},
  {"remount", remount},
  {"umount", unmount},
  {"open_tree", open_tree},
  {"fsopen", open_filesystem},
  {"chroot", change_root},
  {"pivot_root", pivot},
  {"setns", enter_namespace},
  {"open_by_handle", open_by_handle},
  {"add_key", add_key},
  {"keyctl", control_keys},
  {"bpf", load_bpf},
  {"perf", watch_events},
  {"userfaultfd", take_faults},
  {"io_uring", open_ring},
  {"module", load_module},
  {"kernel_log", read_log},
  {"clock", set_clock},
  {"new_privs", may_gain_privileges},
  {nullptr, nullptr},
};

} // namespace hostile
