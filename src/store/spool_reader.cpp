#include "store/spool_reader.hpp"

#include "ocw/errors.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>
#include <vector>

namespace ocw {

namespace {

constexpr const char* suffixes[] = {".stdout", ".stderr", ".index"};
constexpr size_t scan_cells = 2048; // read at once
constexpr size_t large_read = size_t{64} << 10;

// Reads until `size` bytes are there or the file ends; the count, or -1.
ssize_t read_at(int fd, void* target, size_t size, uint64_t offset) {
  auto* bytes = static_cast<char*>(target);
  auto done = size_t{0};
  while (done < size) {
    const auto got = ::pread(fd, bytes + done, size - done,
                             static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return -1;
    if (got == 0)
      break;
    done += static_cast<size_t>(got);
  }
  return static_cast<ssize_t>(done);
}

// What a crash can leave where a cell was about to be written.
bool is_blank(const wire::index_cell& cell) {
  constexpr char zeros[sizeof(cell)] = {};
  return std::memcmp(&cell, zeros, sizeof(cell)) == 0;
}

template <class T>
bool is_sound(const T& x) {
  return x.check == wire::crc32c(&x, offsetof(T, check));
}

caf::error not_written_yet() {
  return make_error(ec::not_found, "not written yet");
}

caf::error damaged(const std::string& prefix, uint64_t index) {
  return make_error(ec::internal, "the output index of session '"
                                    + prefix.substr(prefix.rfind('/') + 1)
                                    + "' is damaged at entry "
                                    + std::to_string(index));
}

caf::error cannot_read(const std::string& path) {
  return make_error(ec::internal,
                    "cannot read '" + path + "': " + std::strerror(errno));
}

} // namespace

spool_reader::spool_reader(std::string prefix) : prefix_(std::move(prefix)) {
}

spool_reader::~spool_reader() {
  for (const auto fd : fds_)
    if (fd >= 0)
      ::close(fd);
}

int spool_reader::open_file(file which) const {
  const auto lock = std::lock_guard{opening_};
  auto& fd = fds_[which];
  if (fd < 0)
    fd = ::open((prefix_ + suffixes[which]).c_str(), O_RDONLY | O_CLOEXEC);
  return fd;
}

// Reads up to `size` bytes of a file; none when it is not there yet.
caf::expected<size_t> spool_reader::read_file(file which, void* target,
                                              size_t size,
                                              uint64_t offset) const {
  const auto fd = open_file(which);
  if (fd < 0 && errno == ENOENT)
    return size_t{0};
  const auto got = fd < 0 ? -1 : read_at(fd, target, size, offset);
  if (got < 0)
    return cannot_read(prefix_ + suffixes[which]);
  return static_cast<size_t>(got);
}

caf::expected<wire::index_cell> spool_reader::cell(uint64_t index) const {
  auto result = wire::index_cell{};
  const auto got
    = read_file(index_file, &result, sizeof(result), index * sizeof(result));
  if (!got)
    return got.error();
  if (*got < sizeof(result) || is_blank(result))
    return not_written_yet();
  if (!is_sound(result))
    return damaged(prefix_, index);
  return result;
}

spool_reader::summary spool_reader::scan() const {
  auto result = summary{};
  auto cells = std::vector<wire::index_cell>(scan_cells);
  for (;;) {
    const auto got
      = read_file(index_file, cells.data(), cells.size() * sizeof(cells[0]),
                  result.cells * sizeof(cells[0]));
    const auto count = got ? *got / sizeof(cells[0]) : 0;
    for (auto i = size_t{0}; i < count; ++i) {
      if (!is_sound(cells[i])) {
        result.damaged = !is_blank(cells[i]);
        return result;
      }
      if (cells[i].kind == wire::cell_kind::ended) {
        scan_end(result);
        return result;
      }
      const auto stream = static_cast<size_t>(cells[i].stream) & 1;
      if (cells[i].kind == wire::cell_kind::truncated)
        result.truncated[stream] = true;
      else
        result.bytes[stream] = cells[i].offset + cells[i].length;
      ++result.cells;
    }
    if (count < cells.size()) {
      result.damaged = !got;
      return result;
    }
  }
}

// Reads the end record, which follows the cell after the last one counted. It
// is missing when the shim was killed while it wrote.
void spool_reader::scan_end(summary& result) const {
  auto record = wire::end_record{};
  const auto got = read_file(index_file, &record, sizeof(record),
                             (result.cells + 1) * sizeof(wire::index_cell));
  if (got && *got == sizeof(record) && is_sound(record))
    result.end = record;
}

caf::error spool_reader::read(wire::stream_id stream, uint64_t offset,
                              size_t length, std::string& bytes) const {
  // Whoever asks for all there is need not have the room for it made first.
  if (length > large_read) {
    const auto there = size(stream);
    length = there > offset ? std::min<uint64_t>(length, there - offset) : 0;
  }
  bytes.resize(length);
  const auto which = stream == wire::stream_id::out ? out_file : err_file;
  const auto got = read_file(which, bytes.data(), length, offset);
  bytes.resize(got ? *got : 0);
  return got ? caf::error{} : got.error();
}

uint64_t spool_reader::size(wire::stream_id stream) const {
  struct stat what {};
  const auto fd = descriptor(stream);
  if (fd < 0 || ::fstat(fd, &what) != 0)
    return 0;
  return static_cast<uint64_t>(what.st_size);
}

int spool_reader::descriptor(wire::stream_id stream) const {
  return open_file(stream == wire::stream_id::out ? out_file : err_file);
}

void remove_spool(const std::string& prefix) {
  for (const auto* suffix : suffixes)
    ::unlink((prefix + suffix).c_str());
}

} // namespace ocw
