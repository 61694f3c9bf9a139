#include "net/artifact_file.hpp"

#include "net/exchange.hpp"
#include "net/outgoing.hpp"
#include "ocw/errors.hpp"
#include "process/safe_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace ocw::net {

namespace {

constexpr size_t piece_bytes = size_t{128} << 10;

} // namespace

caf::expected<artifact_file> open_artifact(const std::string& directory,
                                           const std::string& path) {
  const auto base = unique_fd{
    open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)};
  if (!base)
    return make_error(ec::not_found, "there is no artifact " + path);
  // A pipe or device in its place must not make the open wait.
  auto descriptor = open_below(base.get(), path, O_RDONLY | O_NONBLOCK);
  if (!descriptor)
    return std::move(descriptor.error());
  struct stat info = {};
  if (fstat(descriptor->get(), &info) != 0 || !S_ISREG(info.st_mode))
    return make_error(ec::not_found, "there is no artifact " + path);
  return artifact_file{std::move(*descriptor),
                       static_cast<uint64_t>(info.st_size)};
}

awaitable<bool> send_file_bytes(stream_type& stream, const artifact_file& file,
                                uint64_t length) {
  auto piece = std::vector<char>(
    static_cast<size_t>(std::min<uint64_t>(piece_bytes, length)));
  auto offset = uint64_t{0};
  while (offset < length) {
    const auto wanted
      = static_cast<size_t>(std::min<uint64_t>(piece.size(), length - offset));
    const auto n = pread(file.descriptor.get(), piece.data(), wanted,
                         static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      co_return false;
    offset += static_cast<uint64_t>(n);
    const auto bytes = std::string_view{piece.data(), static_cast<size_t>(n)};
    if (!co_await send_bytes(stream, bytes))
      co_return false;
    // A client that takes everything at once must not keep the others waiting.
    if (offset < length)
      co_await give_way(stream.socket());
  }
  co_return true;
}

} // namespace ocw::net
