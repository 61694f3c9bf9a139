#include "app/state_dir.hpp"

#include "app/token_file.hpp"
#include "ocw/errors.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>

namespace ocw {

namespace {

caf::error refuse(std::string sentence) {
  return make_error(ec::invalid_request, std::move(sentence), "state_dir");
}

std::string text_of(int problem) {
  return std::generic_category().message(problem);
}

/// Makes the directory and those above it, for us alone. An errno, or 0.
int make_directories(const std::string& path) {
  auto end = path.find_first_not_of('/');
  while (end != std::string::npos) {
    end = path.find('/', end);
    const auto part = path.substr(0, end);
    if (::mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) {
      // Above what is ours, a directory that is there may refuse otherwise.
      const auto problem = errno;
      struct stat found = {};
      if (::stat(part.c_str(), &found) != 0 || !S_ISDIR(found.st_mode))
        return problem;
    }
    end = path.find_first_not_of('/', end);
  }
  return 0;
}

/// Whoever can write here could put a token of their own in its place.
caf::error check_directory(const std::string& path) {
  struct stat found = {};
  if (::stat(path.c_str(), &found) != 0)
    return refuse("cannot use the state dir '" + path + "': " + text_of(errno));
  if (!S_ISDIR(found.st_mode))
    return refuse("the state dir '" + path + "' is not a directory");
  if ((found.st_mode & 022) != 0)
    return refuse("others can write to the state dir '" + path
                  + "'; fix it with: chmod go-w '" + path + "'");
  if (::geteuid() != 0 && found.st_uid != ::geteuid())
    return refuse("the state dir '" + path + "' belongs to another user");
  return {};
}

caf::error taken(int fd, const std::string& path) {
  auto text = std::array<char, 32>{};
  const auto n = ::pread(fd, text.data(), text.size(), 0);
  auto pid = std::string_view{text.data(), n > 0 ? static_cast<size_t>(n) : 0};
  pid = pid.substr(0, pid.find_first_not_of("0123456789"));
  return make_error(ec::conflict,
                    "the state dir '" + path
                      + "' is in use by another node (process "
                      + (pid.empty() ? "unknown" : std::string{pid})
                      + "); stop that one, or give this one a directory of "
                        "its own with --state_dir",
                    "state_dir");
}

/// The lock lasts as long as the descriptor, whatever ends the process.
caf::expected<unique_fd> take_lock(const std::string& path) {
  const auto file = path + "/lock";
  auto fd = unique_fd{
    ::open(file.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600)};
  if (!fd)
    return refuse("cannot open '" + file + "': " + text_of(errno));
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK)
      return taken(fd.get(), path);
    if (errno != EINTR)
      return refuse("cannot lock '" + file + "': " + text_of(errno));
  }
  // For people and for the error of the next node; the lock is what counts.
  const auto pid = std::to_string(::getpid()) + '\n';
  if (::ftruncate(fd.get(), 0) != 0
      || ::pwrite(fd.get(), pid.data(), pid.size(), 0) < 0)
    return refuse("cannot write '" + file + "': " + text_of(errno));
  return fd;
}

} // namespace

std::string token_path(const std::string& state_dir) {
  return state_dir + "/token";
}

caf::expected<state_directory> state_directory::open(const std::string& path) {
  if (const auto problem = make_directories(path); problem != 0)
    return refuse("cannot make the state dir '" + path
                  + "': " + text_of(problem));
  if (auto err = check_directory(path))
    return err;
  auto lock = take_lock(path);
  if (!lock)
    return std::move(lock.error());
  auto token = read_token_file(token_path(path), token_owner::node);
  if (!token && code_of(token.error()) == ec::not_found)
    token = make_token_file(token_path(path));
  if (!token)
    return std::move(token.error());
  auto result = state_directory{};
  result.path_ = path;
  result.token_ = std::move(*token);
  result.lock_ = std::move(*lock);
  return result;
}

caf::expected<std::string> read_token(const token_sources& from) {
  if (!from.file.empty()) {
    auto token = read_token_file(from.file, token_owner::client);
    // It was named, so that it is missing is a mistake.
    if (!token && code_of(token.error()) == ec::not_found)
      return make_error(ec::invalid_request, sentence_of(token.error()));
    return token;
  }
  if (!from.environment.empty())
    return checked_token(from.environment, "OPENCODE_WORKER_TOKEN");
  if (from.state_dir.empty())
    return make_error(ec::not_found, "no token is given; name the file with "
                                     "--token-file, or set "
                                     "OPENCODE_WORKER_TOKEN");
  const auto path = token_path(from.state_dir);
  auto token = read_token_file(path, token_owner::node);
  if (!token && code_of(token.error()) == ec::not_found)
    return make_error(ec::not_found,
                      "there is no token at '" + path
                        + "': no node was started with this state dir; name "
                          "the file with --token-file, or set "
                          "OPENCODE_WORKER_TOKEN");
  return token;
}

} // namespace ocw
