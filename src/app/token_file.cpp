#include "app/token_file.hpp"

#include "ocw/errors.hpp"
#include "process/unique_fd.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <string_view>
#include <system_error>

namespace ocw {

namespace {

constexpr auto random_bytes = size_t{32};
constexpr auto shortest_token = size_t{16};
constexpr auto longest_token = size_t{512};

caf::error refuse(std::string sentence) {
  return make_error(ec::invalid_request, std::move(sentence));
}

caf::error refuse(const char* action, const std::string& path, int problem) {
  return make_error(problem == ENOENT ? ec::not_found : ec::invalid_request,
                    std::string{"cannot "} + action + " '" + path
                      + "': " + std::generic_category().message(problem));
}

/// Nothing when the token in this file is only ours.
caf::error check_privacy(int fd, const std::string& path) {
  struct stat found = {};
  if (::fstat(fd, &found) != 0)
    return refuse("look at", path, errno);
  if (!S_ISREG(found.st_mode))
    return refuse("the token file '" + path + "' is not a regular file");
  if ((found.st_mode & 077) != 0)
    return refuse("others can read the token file '" + path
                  + "'; fix it with: chmod 600 '" + path + "'");
  if (found.st_uid != ::geteuid() && ::geteuid() != 0)
    return refuse("the token file '" + path + "' belongs to another user");
  return {};
}

/// 64 hexadecimal digits; empty when the kernel has no random bytes.
std::string make_token() {
  auto bytes = std::array<unsigned char, random_bytes>{};
  if (::getrandom(bytes.data(), bytes.size(), 0)
      != static_cast<ssize_t>(bytes.size()))
    return {};
  constexpr auto digits = std::string_view{"0123456789abcdef"};
  auto result = std::string{};
  for (const auto byte : bytes) {
    result += digits[byte >> 4];
    result += digits[byte & 15];
  }
  return result;
}

/// An errno, or 0. The file's bytes are on the disk when it returns.
int write_new(const std::string& path, std::string_view bytes) {
  const auto fd = unique_fd{::open(
    path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
  if (!fd)
    return errno;
  // These few bytes are written at once or not at all.
  errno = 0;
  if (::write(fd.get(), bytes.data(), bytes.size())
      != static_cast<ssize_t>(bytes.size()))
    return errno != 0 ? errno : ENOSPC;
  return ::fsync(fd.get()) == 0 ? 0 : errno;
}

} // namespace

caf::expected<std::string> checked_token(std::string text,
                                         const std::string& where) {
  if (text.ends_with('\n'))
    text.pop_back();
  if (text.ends_with('\r'))
    text.pop_back();
  const auto graphic = [](char c) { return c > ' ' && c < '\x7F'; };
  if (text.size() < shortest_token || text.size() > longest_token
      || !std::all_of(text.begin(), text.end(), graphic))
    return refuse(where
                  + " does not hold a token: 16 to 512 printable "
                    "characters on one line, and nothing else");
  return text;
}

caf::expected<std::string> read_token_file(const std::string& path,
                                           token_owner whose) {
  const auto strict = whose == token_owner::node;
  const auto flags = O_RDONLY | O_CLOEXEC | (strict ? O_NOFOLLOW : 0)
                     | (strict ? O_NONBLOCK : 0);
  const auto fd = unique_fd{::open(path.c_str(), flags)};
  if (!fd && errno == ELOOP && strict)
    return refuse("the token file '" + path + "' is a symbolic link");
  if (!fd)
    return refuse("read the token file", path, errno);
  if (strict)
    if (auto err = check_privacy(fd.get(), path))
      return err;
  auto text = std::string{};
  auto part = std::array<char, longest_token + 2>{};
  // One byte too many is enough to know that it is no token.
  while (text.size() <= longest_token + 2) {
    const auto n = ::read(fd.get(), part.data(), part.size());
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return refuse("read the token file", path, errno);
    if (n == 0)
      break;
    text.append(part.data(), static_cast<size_t>(n));
  }
  return checked_token(std::move(text), "the token file '" + path + "'");
}

caf::expected<std::string> make_token_file(const std::string& path) {
  auto token = make_token();
  if (token.empty())
    return refuse("cannot make a token: the kernel gave no random bytes");
  // A node that died here before may have left this behind.
  const auto fresh = path + ".new";
  ::unlink(fresh.c_str());
  auto problem = write_new(fresh, token + '\n');
  // Not a rename, which would replace a file that appeared in between.
  if (problem == 0 && ::link(fresh.c_str(), path.c_str()) != 0)
    problem = errno;
  ::unlink(fresh.c_str());
  if (problem != 0)
    return refuse("write the token file", path, problem);
  return token;
}

} // namespace ocw
