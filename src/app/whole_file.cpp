#include "app/whole_file.hpp"

#include "ocw/errors.hpp"
#include "process/unique_fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace ocw {

namespace {

caf::error refuse(const std::string& path, int problem) {
  return make_error(ec::invalid_request,
                    "cannot read '" + path + "': " + std::strerror(problem));
}

/// Reads to the end; an errno, or 0.
int read_to_end(int fd, std::string& into) {
  auto part = std::array<char, 64 << 10>{};
  for (;;) {
    const auto n = ::read(fd, part.data(), part.size());
    if (n == 0)
      return 0;
    if (n > 0)
      into.append(part.data(), static_cast<size_t>(n));
    else if (errno != EINTR)
      return errno;
  }
}

} // namespace

caf::expected<whole_file> read_whole_file(const std::string& path) {
  const auto from_stdin = path == "-";
  auto opened = unique_fd{};
  if (!from_stdin) {
    opened = unique_fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!opened)
      return refuse(path, errno);
  }
  const auto fd = from_stdin ? STDIN_FILENO : opened.get();
  auto result = whole_file{};
  struct stat found = {};
  if (::fstat(fd, &found) != 0)
    return refuse(path, errno);
  result.mode = S_ISREG(found.st_mode) ? found.st_mode & 0777 : 0644;
  if (const auto problem = read_to_end(fd, result.bytes); problem != 0)
    return refuse(path, problem);
  return result;
}

} // namespace ocw
