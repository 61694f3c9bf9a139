#include "hostile/job/attacks.hpp"
#include "hostile/job/hostile_job.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <memory>

// Files and processes of others.

namespace hostile {
namespace {

pid_t pid_of(const std::string& text) {
  return static_cast<pid_t>(std::atol(text.c_str()));
}

int open_and_read(const std::string& path) {
  const auto fd = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0)
    return errno;
  char byte = 0;
  const auto result = outcome(::read(fd, &byte, 1));
  ::close(fd);
  return result;
}

int open_for(const std::string& path, int flags) {
  const auto fd = ::open(path.c_str(), flags | O_CLOEXEC);
  const auto result = outcome(fd);
  ::close(fd);
  return result;
}

// Opened only: nothing of the machine is changed where it works.
int write_to(const std::string& path) {
  return open_for(path, O_WRONLY);
}

int list(const std::string& path) {
  return open_for(path, O_RDONLY | O_DIRECTORY);
}

int make(const std::string& path) {
  const auto result = open_for(path, O_WRONLY | O_CREAT | O_EXCL);
  if (result == 0)
    ::unlink(path.c_str());
  return result;
}

int in_proc(const std::string& pid, const char* name,
            int (*how)(const std::string&)) {
  return how("/proc/" + pid + "/" + name);
}

int see(const std::string& pid) {
  return in_proc(pid, "stat", open_and_read);
}

int read_environment(const std::string& pid) {
  return in_proc(pid, "environ", open_and_read);
}

int open_memory(const std::string& pid) {
  return open_for("/proc/" + pid + "/mem", O_RDWR);
}

int list_descriptors(const std::string& pid) {
  return in_proc(pid, "fd", list);
}

int enter_root(const std::string& pid) {
  return in_proc(pid, "root/", list);
}

int trace(const std::string& text) {
  const auto pid = pid_of(text);
  const auto result = outcome(::ptrace(PTRACE_SEIZE, pid, nullptr, nullptr));
  if (result == 0)
    ::ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
  return result;
}

int read_memory(const std::string& pid) {
  char byte = 0;
  iovec here{&byte, 1};
  iovec there{reinterpret_cast<void*>(0x1000), 1};
  const auto done = ::process_vm_readv(pid_of(pid), &here, 1, &there, 1, 0);
  return done < 0 && errno == EFAULT ? 0 : outcome(done); // it looked
}

// Signal 0 asks whether others could be sent.
int signal(const std::string& pid) {
  return outcome(::kill(pid_of(pid), 0));
}

// Looks for a text in the environment and the command line of everybody.
int find_in_processes(const std::string& wanted) {
  const std::unique_ptr<DIR, int (*)(DIR*)> all{::opendir("/proc"), ::closedir};
  if (!all)
    return errno;
  const auto own = std::to_string(::getpid());
  while (const auto* entry = ::readdir(all.get())) {
    const std::string name = entry->d_name;
    if (name == own || name.find_first_not_of("0123456789") != name.npos)
      continue;
    for (const auto* file : {"/environ", "/cmdline"}) {
      std::string text(1 << 16, '\0');
      const auto fd = ::open(("/proc/" + name + file).c_str(), O_RDONLY);
      const auto got = ::read(fd, text.data(), text.size());
      ::close(fd);
      if (got > 0 && text.find(wanted) != text.npos)
        return 0;
    }
  }
  return ESRCH;
}

// -- what takes rights over the machine
// ----------------------------------------

int make_device(const std::string&) {
  const auto result = outcome(::mknod("device", S_IFCHR | 0666, makedev(1, 3)));
  ::unlink("device");
  return result;
}

int become_root(const std::string&) {
  return ::geteuid() == 0 ? 0 : outcome(::setresuid(0, 0, 0));
}

int raise_priority(const std::string&) {
  errno = 0;
  (void)!::nice(-5);
  return errno;
}

int lower_oom_score(const std::string&) {
  const auto fd = ::open("/proc/self/oom_score_adj", O_WRONLY);
  return fd < 0 ? errno : outcome(::write(fd, "-1000", 5));
}

// In the machine's own user namespace every id means itself.
int be_in_machine_userns(const std::string&) {
  std::string text(256, '\0');
  const auto fd = ::open("/proc/self/uid_map", O_RDONLY);
  (void)!::read(fd, text.data(), text.size());
  ::close(fd);
  return text.find("4294967295") != text.npos ? 0 : EPERM;
}

// The kernel looks at who asks before it looks at the length.
int rename_machine(const std::string&) {
  const auto done = ::syscall(SYS_sethostname, nullptr, -1);
  return done < 0 && errno == EINVAL ? 0 : outcome(done);
}

} // namespace

const named_attack file_attacks[] = {
  {"read", open_and_read},
  {"write", write_to},
  {"list", list},
  {"make", make},
  {"see", see},
  {"environ", read_environment},
  {"mem", open_memory},
  {"fds", list_descriptors},
  {"root", enter_root},
  {"trace", trace},
  {"vm_read", read_memory},
  {"signal", signal},
  {"find", find_in_processes},
  {"mknod", make_device},
  {"setuid", become_root},
  {"nice", raise_priority},
  {"oom_score", lower_oom_score},
  {"machine_userns", be_in_machine_userns},
  {"hostname", rename_machine},
  {nullptr, nullptr},
};

} // namespace hostile
