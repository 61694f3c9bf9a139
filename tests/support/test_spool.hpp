#pragma once

#include "launcher/wire.hpp"

#include <cstddef>
#include <fstream>
#include <string>
#include <string_view>

namespace ocw::test {

/// Writes a spool as a shim does, cell by cell.
class test_spool {
public:
  explicit test_spool(std::string prefix) : prefix_(std::move(prefix)) {}

  void output(std::string_view bytes,
              wire::stream_id stream = wire::stream_id::out) {
    auto& size = sizes_[static_cast<size_t>(stream)];
    append(stream == wire::stream_id::out ? ".stdout" : ".stderr", bytes);
    cell(wire::cell_kind::output, stream, size, bytes.size());
    size += bytes.size();
  }

  void truncated(wire::stream_id stream = wire::stream_id::out) {
    cell(wire::cell_kind::truncated, stream,
         sizes_[static_cast<size_t>(stream)], 0);
  }

  void ended(wire::end_record record = {}) {
    record.stdout_bytes = sizes_[0];
    record.stderr_bytes = sizes_[1];
    record.cells = static_cast<uint32_t>(cells_);
    record.check = wire::crc32c(&record, offsetof(wire::end_record, check));
    cell(wire::cell_kind::ended, {}, 0, sizeof(record));
    append(".index", {reinterpret_cast<const char*>(&record), sizeof(record)});
    --cells_;
  }

  uint64_t cells() const { return cells_; }
  const std::string& prefix() const { return prefix_; }

private:
  void cell(wire::cell_kind kind, wire::stream_id stream, uint64_t offset,
            size_t length) {
    auto made = wire::index_cell{};
    made.unix_ms = 1000 + static_cast<int64_t>(cells_);
    made.offset = offset;
    made.length = static_cast<uint32_t>(length);
    made.kind = kind;
    made.stream = stream;
    made.check = wire::crc32c(&made, offsetof(wire::index_cell, check));
    append(".index", {reinterpret_cast<const char*>(&made), sizeof(made)});
    ++cells_;
  }

  void append(const char* suffix, std::string_view bytes) {
    std::ofstream{prefix_ + suffix, std::ios::binary | std::ios::app} << bytes;
  }

  std::string prefix_;
  uint64_t sizes_[2] = {0, 0};
  uint64_t cells_ = 0;
};

} // namespace ocw::test
