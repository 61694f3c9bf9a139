#pragma once

#include "launcher/wire.hpp"

#include <caf/expected.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace ocw {

/// Reads what a shim wrote: the index, and the bytes of both streams. All
/// calls are pread(2) on files that only grow, so any number of threads may
/// read while the shim writes. A file that does not exist yet reads as empty.
class spool_reader {
public:
  /// `prefix` as in `wire::job_spec`: `<prefix>.index` and so on.
  explicit spool_reader(std::string prefix);
  ~spool_reader();
  spool_reader(const spool_reader&) = delete;
  spool_reader& operator=(const spool_reader&) = delete;

  /// Reads cell number `index` (from 0) and checks it. `ec::not_found` when it
  /// is not written yet, `ec::internal` when it is damaged.
  caf::expected<wire::index_cell> cell(uint64_t index) const;

  /// Counts the valid output and truncated cells and returns the end record if
  /// there is one. Reads the whole index; for recovery, not for the hot path.
  struct summary {
    uint64_t cells = 0;
    uint64_t bytes[2] = {0, 0}; ///< that they cover, of stdout and stderr
    bool truncated[2] = {false, false};
    std::optional<wire::end_record> end;
    bool damaged = false; ///< a cell before the end did not check
  };
  summary scan() const;

  /// Replaces `bytes` with up to `length` bytes of `stream` from `offset`;
  /// shorter only at the end of what is written.
  caf::error read(wire::stream_id stream, uint64_t offset, size_t length,
                  std::string& bytes) const;

  /// Bytes written to `stream` so far.
  uint64_t size(wire::stream_id stream) const;

  /// A descriptor for sendfile(2), owned by this reader; -1 when the stream
  /// has no file yet.
  int descriptor(wire::stream_id stream) const;

  const std::string& prefix() const { return prefix_; }

private:
  enum file : unsigned { out_file, err_file, index_file, file_count };
  int open_file(file which) const;
  caf::expected<size_t> read_file(file which, void* target, size_t size,
                                  uint64_t offset) const;
  void scan_end(summary& result) const;

  std::string prefix_;
  mutable std::mutex opening_;
  mutable int fds_[file_count] = {-1, -1, -1};
};

/// Removes the three files of a spool. Missing ones are fine.
void remove_spool(const std::string& prefix);

} // namespace ocw
