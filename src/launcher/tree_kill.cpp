#include "launcher/tree_kill.hpp"

#include "launcher/clock.hpp"
#include "launcher/fd.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace ocw::launcher {
namespace {

constexpr size_t max_walked = 1 << 16; // a bound for trees that grow under us
constexpr size_t path_size = 64;
constexpr int64_t round_ns = 2'000'000; // between two rounds of killing

unique_fd open_read(const char* path) {
  return unique_fd{::open(path, O_RDONLY | O_CLOEXEC)};
}

// Appends the numbers in a `children` file; one may span two reads.
void add_children(const char* path, std::vector<pid_t>& to) {
  const auto file = open_read(path);
  if (!file)
    return;
  char text[4096];
  pid_t number = 0;
  for (;;) {
    const auto n = ::read(file.get(), text, sizeof(text));
    if (n <= 0)
      break;
    for (const auto* at = text; at != text + n; ++at) {
      if (*at >= '0' && *at <= '9')
        number = number * 10 + (*at - '0');
      else if (number != 0)
        to.push_back(std::exchange(number, 0));
    }
  }
  if (number != 0)
    to.push_back(number);
}

// Every thread of a process has its own list of children.
void add_children_of(pid_t pid, std::vector<pid_t>& to) {
  char path[path_size];
  std::snprintf(path, sizeof(path), "/proc/%d/task", pid);
  auto* tasks = ::opendir(path);
  if (tasks == nullptr)
    return;
  while (const auto* task = ::readdir(tasks)) {
    const auto thread = std::strtol(task->d_name, nullptr, 10);
    if (thread <= 0)
      continue;
    std::snprintf(path, sizeof(path), "/proc/%d/task/%ld/children", pid,
                  thread);
    add_children(path, to);
  }
  ::closedir(tasks);
}

// Parents come before their children.
std::vector<pid_t> descendants() {
  std::vector<pid_t> all;
  add_children("/proc/thread-self/children", all);
  for (size_t i = 0; i < all.size() && all.size() < max_walked; ++i)
    add_children_of(all[i], all);
  return all;
}

bool has_ended(pid_t pid) {
  char path[path_size];
  std::snprintf(path, sizeof(path), "/proc/%d/stat", pid);
  const auto file = open_read(path);
  char text[512];
  const auto n = file ? ::read(file.get(), text, sizeof(text) - 1) : 0;
  if (n <= 0)
    return true;
  text[n] = '\0';
  const auto* name_end = std::strrchr(text, ')');
  return name_end == nullptr || name_end[1] == '\0' || name_end[2] == 'Z'
         || name_end[2] == 'X';
}

uint64_t private_pages(pid_t pid) {
  char path[path_size];
  std::snprintf(path, sizeof(path), "/proc/%d/statm", pid);
  const auto file = open_read(path);
  char text[128];
  const auto n = file ? ::read(file.get(), text, sizeof(text) - 1) : 0;
  if (n <= 0)
    return 0;
  text[n] = '\0';
  char* next = text;
  std::strtoull(next, &next, 10); // the size of the address space
  const auto resident = std::strtoull(next, &next, 10);
  const auto shared = std::strtoull(next, &next, 10);
  return resident > shared ? resident - shared : 0;
}

uint32_t alive() {
  uint32_t count = 0;
  for (const auto pid : descendants())
    count += has_ended(pid) ? 0 : 1;
  return count;
}

uint64_t to_us(const timeval& time) {
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000
         + static_cast<uint64_t>(time.tv_usec);
}

// Returns when a child has ended, or after a while. SIGCHLD is blocked in a
// shim, so one that came since the last look is not missed.
void wait_for_a_child() {
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  const timespec patience{0, round_ns};
  sigtimedwait(&child, nullptr, &patience);
}

} // namespace

void process_tree::remember(const std::vector<pid_t>& pids) {
  for (const auto pid : pids) {
    // A namespace's init is no process of the job.
    if ((inside_ != nullptr && pid == main_) || has_ended(pid))
      continue;
    const auto at = std::lower_bound(seen_.begin(), seen_.end(), pid);
    if (at == seen_.end() || *at != pid)
      seen_.insert(at, pid);
  }
}

// An init passes TERM on, and its end is everybody's. Elsewhere the process
// group goes first and as one; the walk finds those outside of it. Numbers are
// handed out in a cycle, so one read just now is not another's yet.
void process_tree::signal_all(int signal) {
  const auto all = descendants();
  remember(all);
  if (groups_ != nullptr && signal == SIGKILL)
    groups_->kill_all();
  if (inside_ != nullptr) {
    ::kill(main_, signal);
    return;
  }
  const auto group = main_reaped_ ? 0 : main_;
  if (group > 0)
    ::kill(-group, signal);
  for (const auto pid : all)
    if (group == 0 || ::getpgid(pid) != group)
      ::kill(pid, signal);
}

bool process_tree::reap() {
  for (;;) {
    int status = 0;
    rusage used{};
    const auto pid = ::wait4(-1, &status, WNOHANG | __WALL, &used);
    if (pid < 0 && errno == EINTR)
      continue;
    if (pid <= 0)
      return pid == 0;
    usage_.user_us += to_us(used.ru_utime);
    usage_.system_us += to_us(used.ru_stime);
    usage_.peak_kb
      = std::max(usage_.peak_kb, static_cast<uint64_t>(used.ru_maxrss));
    if (pid == main_) {
      main_reaped_ = true;
      main_status_ = inside_ != nullptr && inside_->main_ended.load()
                       ? inside_->main_status
                       : status;
    }
  }
}

uint32_t process_tree::kill_rest(int64_t patience_ms) {
  const auto give_up = steady_ms() + patience_ms;
  // With an init the kernel has seen to it.
  if (groups_ != nullptr && inside_ == nullptr && !groups_->empty())
    signal_all(SIGKILL);
  while (reap()) {
    if (steady_ms() >= give_up)
      return std::max<uint32_t>(1, alive());
    signal_all(SIGKILL);
    wait_for_a_child();
  }
  return 0;
}

uint64_t process_tree::resident_kb() const {
  uint64_t pages = 0;
  for (const auto pid : descendants())
    pages += private_pages(pid);
  return pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE)) / 1024;
}

} // namespace ocw::launcher
