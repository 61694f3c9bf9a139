#include "launcher/fd.hpp"
#include "ocw/errors.hpp"
#include "store/vault.hpp"

#include <openssl/rand.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace ocw {

namespace {

using launcher::unique_fd;

caf::error refuse(const std::string& path, const std::string& why) {
  return make_error(ec::unavailable, "the key file '" + path + "' " + why,
                    "store.dir");
}

caf::error refuse_for_errno(const std::string& path, const char* what) {
  return refuse(path, std::string{what} + ": " + std::strerror(errno));
}

// The key is either there, whole and durable, or not there at all: it is
// written under another name first. What an interrupted start left under that
// name is thrown away.
caf::error make_key(const std::string& dir, const std::string& path) {
  const auto fresh = path + ".new";
  auto secret = vault::key{};
  if (RAND_bytes(secret.data(), static_cast<int>(vault::key_bytes)) != 1)
    return refuse(path, "cannot be made: no random numbers");
  ::unlink(fresh.c_str());
  const auto file = unique_fd{::open(
    fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
  if (!file
      || ::write(file.get(), secret.data(), vault::key_bytes)
           != static_cast<ssize_t>(vault::key_bytes)
      || ::fsync(file.get()) != 0 || ::rename(fresh.c_str(), path.c_str()) != 0)
    return refuse_for_errno(path, "cannot be made");
  const auto home
    = unique_fd{::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!home || ::fsync(home.get()) != 0)
    return refuse_for_errno(path, "cannot be made durable");
  return {};
}

// Why a file may not be the key; empty if it may.
std::string problem_with(const struct stat& file) {
  if (!S_ISREG(file.st_mode))
    return "is not a regular file";
  if (file.st_uid != ::geteuid())
    return "belongs to another user";
  if ((file.st_mode & 077) != 0)
    return "can be used by others than its owner; if nobody has read it, "
           "chmod 600 makes it good";
  if (file.st_size != static_cast<off_t>(vault::key_bytes))
    return "does not hold a key of 32 bytes";
  return {};
}

} // namespace

caf::expected<std::unique_ptr<const vault>> open_vault(const std::string& dir) {
  const auto path = dir + "/key";
  struct stat what {};
  if (::lstat(path.c_str(), &what) != 0) {
    if (errno != ENOENT)
      return refuse_for_errno(path, "cannot be found");
    if (auto failed = make_key(dir, path))
      return failed;
  }
  const auto file
    = unique_fd{::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC)};
  if (!file || ::fstat(file.get(), &what) != 0)
    return errno == ELOOP ? refuse(path, "is a symbolic link")
                          : refuse_for_errno(path, "cannot be opened");
  if (const auto problem = problem_with(what); !problem.empty())
    return refuse(path, problem);
  auto secret = vault::key{};
  if (::read(file.get(), secret.data(), vault::key_bytes)
      != static_cast<ssize_t>(vault::key_bytes))
    return refuse_for_errno(path, "cannot be read");
  return std::unique_ptr<const vault>{std::make_unique<vault>(secret)};
}

} // namespace ocw
