#include "launcher/spool_writer.hpp"

#include "launcher/clock.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace ocw::launcher {
namespace {

constexpr const char* suffixes[] = {".stdout", ".stderr"};
constexpr size_t batch_cells = 64; // written together

int create(const std::string& path, unique_fd& fd) {
  fd.reset(::open(path.c_str(),
                  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  return fd ? 0 : errno;
}

// Returns how much was written; `error` is 0 if that is everything.
size_t write_all(int fd, std::string_view bytes, int& error) {
  size_t done = 0;
  error = 0;
  while (done < bytes.size() && error == 0) {
    const auto n = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (n > 0)
      done += static_cast<size_t>(n);
    else if (n == 0)
      error = EIO;
    else if (errno != EINTR)
      error = errno;
  }
  return done;
}

wire::index_cell make_cell(wire::cell_kind kind, wire::stream_id stream) {
  wire::index_cell cell;
  cell.unix_ms = unix_ms();
  cell.kind = kind;
  cell.stream = stream;
  return cell;
}

void seal(wire::index_cell& cell) {
  cell.check = wire::crc32c(&cell, offsetof(wire::index_cell, check));
}

bool continues(unsigned char byte) {
  return (byte & 0xc0) == 0x80;
}

size_t length_by_lead(unsigned char byte) {
  if (byte >= 0xf0 && byte <= 0xf4)
    return 4;
  if (byte >= 0xe0)
    return byte < 0xf0 ? 3 : 0;
  return byte >= 0xc2 && byte < 0xe0 ? 2 : 0;
}

} // namespace

// Cells of one append, and the bytes they are about: `tail` then `fresh`.
struct spool_writer::batch {
  uint64_t start; // where `tail` begins in the file
  std::string_view tail;
  std::string_view fresh;
  wire::index_cell cells[batch_cells];
  size_t count = 0;

  unsigned char byte(uint64_t offset) const {
    const auto i = static_cast<size_t>(offset - start);
    return static_cast<unsigned char>(i < tail.size() ? tail[i]
                                                      : fresh[i - tail.size()]);
  }

  // How many of the bytes before `end` are a character that goes on.
  size_t unfinished(uint64_t end) const {
    for (size_t back = 1; back <= 3 && end - back >= start; ++back) {
      const auto value = byte(end - back);
      if (!continues(value))
        return length_by_lead(value) > back ? back : 0;
      if (end == back)
        break;
    }
    return 0;
  }

  // The length of the next cell. Cells are cut evenly, so that a read just
  // over the chunk size does not leave a tiny one.
  uint32_t next_length(uint64_t from, uint64_t end, uint64_t chunk) const {
    const auto span = end - from;
    if (span <= chunk)
      return static_cast<uint32_t>(span);
    const auto parts = (span + chunk - 1) / chunk;
    auto length = (span + parts - 1) / parts;
    if (unfinished(from + length) >= length)
      length = chunk; // tiny chunks only: here a whole character fits
    return static_cast<uint32_t>(length - unfinished(from + length));
  }
};

int spool_writer::open(std::string prefix, uint32_t chunk_bytes) {
  prefix_ = std::move(prefix);
  chunk_bytes_ = chunk_bytes;
  return create(prefix_ + ".index", index_);
}

void spool_writer::remove() {
  index_.reset();
  ::unlink((prefix_ + ".index").c_str());
}

int spool_writer::fail(int error) {
  if (error_ == 0)
    error_ = error;
  return error_;
}

int spool_writer::open_stream(wire::stream_id id) {
  auto& stream = at(id);
  if (stream.fd)
    return 0;
  return create(prefix_ + suffixes[static_cast<unsigned>(id)], stream.fd);
}

int spool_writer::append(wire::stream_id id, std::string_view bytes) {
  if (error_ != 0 || bytes.empty())
    return error_;
  if (const auto error = open_stream(id); error != 0)
    return fail(error);
  int error = 0;
  const auto kept = write_all(at(id).fd.get(), bytes, error);
  at(id).size += kept;
  cover(id, bytes.substr(0, kept), error != 0);
  return error == 0 ? error_ : fail(error);
}

int spool_writer::flush(wire::stream_id id) {
  return error_ != 0 ? error_ : cover(id, {}, true);
}

// Writes cells up to the end of the file, or to its last whole character.
int spool_writer::cover(wire::stream_id id, std::string_view fresh, bool all) {
  auto& stream = at(id);
  const auto waiting
    = static_cast<size_t>(stream.size - fresh.size() - stream.covered);
  auto cells = batch{stream.covered, {stream.tail, waiting}, fresh, {}, 0};
  const auto end = stream.size - (all ? 0 : cells.unfinished(stream.size));
  const auto form = make_cell(wire::cell_kind::output, id);
  auto upto = stream.covered;
  while (upto < end) {
    auto& cell = cells.cells[cells.count++];
    cell = form;
    cell.offset = upto;
    cell.length = cells.next_length(upto, end, chunk_bytes_);
    seal(cell);
    upto += cell.length;
    if (cells.count < batch_cells && upto < end)
      continue;
    if (write_index(cells.cells, cells.count * sizeof(cell)) != 0) {
      // Bytes without a cell are not part of the spool.
      if (::ftruncate(stream.fd.get(), static_cast<off_t>(stream.covered)) == 0)
        stream.size = stream.covered;
      return error_;
    }
    cells_ += cells.count;
    cells.count = 0;
    stream.covered = upto;
  }
  char tail[sizeof(stream.tail)] = {};
  for (auto offset = upto; offset < stream.size; ++offset)
    tail[offset - upto] = static_cast<char>(cells.byte(offset));
  std::memcpy(stream.tail, tail, sizeof(tail));
  return 0;
}

int spool_writer::truncate(wire::stream_id id) {
  if (at(id).truncated)
    return error_;
  at(id).truncated = true;
  if (flush(id) != 0)
    return error_;
  auto cell = make_cell(wire::cell_kind::truncated, id);
  cell.offset = at(id).size;
  seal(cell);
  if (write_index(&cell, sizeof(cell)) == 0)
    ++cells_;
  return error_;
}

// Appends to the index; a part of a cell is taken back.
int spool_writer::write_index(const void* data, size_t size) {
  int error = 0;
  write_all(index_.get(), {static_cast<const char*>(data), size}, error);
  if (error == 0) {
    index_size_ += size;
    return 0;
  }
  // What cannot be cut off is written over.
  const auto whole = static_cast<off_t>(index_size_);
  const auto cut = ::ftruncate(index_.get(), whole) == 0;
  const auto back = ::lseek(index_.get(), whole, SEEK_SET) == whole;
  return fail(cut || back ? error : EIO);
}

// Tried after a failure as well: the disk may have room again.
int spool_writer::finish(wire::end_record& record) {
  error_ = 0;
  for (const auto id : {wire::stream_id::out, wire::stream_id::err})
    cover(id, {}, true);
  record.stdout_bytes = at(wire::stream_id::out).covered;
  record.stderr_bytes = at(wire::stream_id::err).covered;
  record.stdout_truncated = at(wire::stream_id::out).truncated ? 1 : 0;
  record.stderr_truncated = at(wire::stream_id::err).truncated ? 1 : 0;
  record.cells = static_cast<uint32_t>(cells_);
  record.check = wire::crc32c(&record, offsetof(wire::end_record, check));
  struct {
    wire::index_cell cell;
    wire::end_record record;
  } last{make_cell(wire::cell_kind::ended, wire::stream_id::out), record};
  last.cell.length = sizeof(record);
  seal(last.cell);
  return write_index(&last, sizeof(last));
}

} // namespace ocw::launcher
