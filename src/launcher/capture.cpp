#include "launcher/capture.hpp"

#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace ocw::launcher {
namespace {

constexpr ssize_t default_pipe_bytes = 64 << 10;
constexpr int busy_pipe_bytes = 1 << 20;

} // namespace

read_buffer::read_buffer() {
  auto* pages = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (pages == MAP_FAILED)
    std::abort(); // a shim without its buffer is of no use
  data_ = static_cast<char*>(pages);
}

void read_buffer::shrink(size_t used) {
  if (used > 4096)
    ::madvise(data_, size, MADV_DONTNEED);
}

capture::capture(spool_writer& spool, const std::vector<std::string>& secrets,
                 uint64_t limit_bytes)
  : spool_(spool),
    limit_bytes_(limit_bytes),
    sources_{{unique_fd{}, masker{secrets}}, {unique_fd{}, masker{secrets}}} {
  // nop
}

void capture::open(wire::stream_id stream, unique_fd pipe) {
  at(stream).pipe = std::move(pipe);
}

capture::outcome capture::read(wire::stream_id stream,
                               const read_buffer& buffer) {
  auto& from = at(stream);
  const auto n = ::read(from.pipe.get(), buffer.data(), read_buffer::size);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return outcome::nothing;
  if (n <= 0)
    return finish(stream);
  // A job that fills its pipe is worth a larger one; most never are.
  if (n >= default_pipe_bytes && !from.grown) {
    ::fcntl(from.pipe.get(), F_SETPIPE_SZ, busy_pipe_bytes);
    from.grown = true;
  }
  const auto bytes = std::string_view{buffer.data(), static_cast<size_t>(n)};
  read_bytes_ += bytes.size();
  if (from.mask.idle())
    return keep(stream, bytes);
  masked_.clear();
  from.mask.feed(bytes, masked_);
  return keep(stream, masked_);
}

capture::outcome capture::finish(wire::stream_id stream) {
  auto& from = at(stream);
  from.pipe.reset();
  masked_.clear();
  from.mask.finish(masked_);
  const auto result
    = masked_.empty() ? outcome::nothing : keep(stream, masked_);
  if (const auto error = spool_.flush(stream); error != 0) {
    error_ = error;
    return outcome::failed;
  }
  return result;
}

capture::outcome capture::keep(wire::stream_id stream, std::string_view bytes) {
  const auto room = limit_bytes_ == 0
                      ? bytes.size()
                      : static_cast<size_t>(std::min<uint64_t>(
                        bytes.size(), limit_bytes_ - kept_bytes_));
  error_ = spool_.append(stream, bytes.substr(0, room));
  kept_bytes_
    = spool_.bytes(wire::stream_id::out) + spool_.bytes(wire::stream_id::err);
  if (error_ == 0 && room == bytes.size())
    return outcome::more;
  const auto error = spool_.truncate(stream);
  error_ = error_ != 0 ? error_ : error;
  return error_ != 0 ? outcome::failed : outcome::over;
}

} // namespace ocw::launcher
