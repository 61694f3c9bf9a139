#pragma once

#include "launcher/fd.hpp"
#include "launcher/wire.hpp"

#include <string>
#include <string_view>

namespace ocw::launcher {

/// Writes the spool of one job as described in wire.hpp: bytes first, then the
/// cells that cover them. Errors are errno values, 0 for none. After the first
/// failure nothing but `finish` writes any more, and what is on disk stays
/// consistent: no cell covers a byte that is not there.
class spool_writer {
public:
  /// Makes `<prefix>.index`, which must not exist: a spool belongs to one job.
  int open(std::string prefix, uint32_t chunk_bytes);

  /// Removes the files again, for a job that never started.
  void remove();

  /// Appends to `stream`; a failure may leave the first part of `bytes` kept.
  int append(wire::stream_id stream, std::string_view bytes);

  /// Covers the bytes that still waited for the rest of a character.
  int flush(wire::stream_id stream);

  /// Marks that bytes of `stream` are lost from here on. Once per stream.
  int truncate(wire::stream_id stream);

  /// Flushes both streams, fills the record's sizes, cells and check, and
  /// appends it with its cell.
  int finish(wire::end_record& record);

  /// Output and truncated cells so far.
  uint64_t cells() const { return cells_; }
  /// Bytes of `stream` kept so far.
  uint64_t bytes(wire::stream_id stream) const { return at(stream).size; }
  bool truncated(wire::stream_id stream) const { return at(stream).truncated; }

private:
  struct stream_state {
    unique_fd fd;
    uint64_t size = 0;    // bytes in the file
    uint64_t covered = 0; // bytes the cells cover; at most 3 less after append
    char tail[3] = {};    // the bytes in between
    bool truncated = false;
  };
  struct batch;

  stream_state& at(wire::stream_id id) {
    return streams_[static_cast<unsigned>(id)];
  }
  const stream_state& at(wire::stream_id id) const {
    return streams_[static_cast<unsigned>(id)];
  }
  int open_stream(wire::stream_id id);
  int cover(wire::stream_id id, std::string_view fresh, bool all);
  int write_index(const void* data, size_t size);
  int fail(int error);

  std::string prefix_;
  uint32_t chunk_bytes_ = 65536;
  unique_fd index_;
  uint64_t index_size_ = 0;
  uint64_t cells_ = 0;
  stream_state streams_[2];
  int error_ = 0;
};

} // namespace ocw::launcher
