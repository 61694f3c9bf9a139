#include "launcher/shim_census.hpp"

#include "launcher/fd.hpp"

#include <fcntl.h>
#include <sys/wait.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <string>

namespace ocw::launcher {
namespace {

// proc(5), /proc/pid/task/tid/children: numbers, each followed by a space.
std::vector<pid_t> children() {
  char path[64];
  std::snprintf(path, sizeof(path), "/proc/self/task/%d/children", ::getpid());
  unique_fd file{::open(path, O_RDONLY | O_CLOEXEC)};
  std::string text;
  char part[4096];
  for (ssize_t got = 1; file && got > 0;) {
    got = ::read(file.get(), part, sizeof(part));
    text.append(part, static_cast<size_t>(std::max<ssize_t>(got, 0)));
  }
  std::vector<pid_t> result;
  const auto* end = text.data() + text.size();
  for (const auto* at = text.data(); at < end;) {
    pid_t child = 0;
    const auto parsed = std::from_chars(at, end, child);
    if (parsed.ec == std::errc{})
      result.push_back(child);
    at = parsed.ptr + 1;
  }
  return result;
}

} // namespace

bool shim_census::settle() {
  bool lost = false;
  int status = 0;
  pid_t ended = 0;
  while ((ended = ::waitpid(-1, &status, WNOHANG)) > 0) {
    const auto stranger = std::erase(shims_, ended) == 0;
    lost = lost || stranger || WIFSIGNALED(status);
    if (!stranger && WIFSIGNALED(status))
      lost_.push_back(ended);
  }
  // A shim that exits by itself has seen to its job. The others' children,
  // and theirs in turn, are here by now.
  if (lost)
    for (const auto child : children())
      if (std::find(shims_.begin(), shims_.end(), child) == shims_.end())
        ::kill(child, SIGKILL);
  return ended == 0;
}

} // namespace ocw::launcher
