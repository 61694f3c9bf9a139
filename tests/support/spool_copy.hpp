#pragma once

// Reads what a shim left on disk, and checks all that must hold for it.

#include "launcher/wire.hpp"

#include <cstddef>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

namespace ocw::launcher::test {

inline std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// What a shim left on disk, checked while it is read.
struct spool {
  std::string out;
  std::string err;
  std::vector<wire::index_cell> cells; ///< output and truncated
  std::optional<wire::end_record> end;
  std::string wrong; ///< the first inconsistency, or empty

  const std::string& text(wire::stream_id id) const {
    return id == wire::stream_id::out ? out : err;
  }

  /// The pieces of one stream, as the cells cut it.
  std::vector<std::string> chunks(wire::stream_id id) const {
    std::vector<std::string> all;
    for (const auto& cell : cells)
      if (cell.kind == wire::cell_kind::output && cell.stream == id)
        all.push_back(text(id).substr(cell.offset, cell.length));
    return all;
  }

  size_t count(wire::cell_kind kind) const {
    size_t n = 0;
    for (const auto& cell : cells)
      n += cell.kind == kind ? 1 : 0;
    return n;
  }
};

inline void check_cell(spool& s, const wire::index_cell& cell,
                       uint64_t (&next)[2]) {
  const auto which = static_cast<unsigned>(cell.stream);
  if (cell.check != wire::crc32c(&cell, offsetof(wire::index_cell, check)))
    s.wrong = "a cell's check";
  else if (which > 1)
    s.wrong = "a cell's stream";
  else if (cell.kind != wire::cell_kind::ended && cell.offset != next[which])
    s.wrong = "a gap between cells";
  else if (cell.kind == wire::cell_kind::output)
    next[which] += cell.length;
}

inline void check_end(spool& s, const std::string& bytes) {
  wire::end_record end;
  std::memcpy(&end, bytes.data(), sizeof(end));
  if (end.check != wire::crc32c(&end, offsetof(wire::end_record, check)))
    s.wrong = "the record's check";
  else if (end.stdout_bytes != s.out.size() || end.stderr_bytes != s.err.size())
    s.wrong = "the record's sizes";
  else if (end.cells != s.cells.size())
    s.wrong = "the record's cell count";
  s.end = end;
}

inline spool read_spool(const std::string& prefix) {
  spool s{slurp(prefix + ".stdout"), slurp(prefix + ".stderr"), {}, {}, {}};
  const auto index = slurp(prefix + ".index");
  uint64_t next[2] = {0, 0};
  size_t at = 0;
  for (; at + sizeof(wire::index_cell) <= index.size() && s.wrong.empty();) {
    wire::index_cell cell;
    std::memcpy(&cell, index.data() + at, sizeof(cell));
    at += sizeof(cell);
    check_cell(s, cell, next);
    if (cell.kind == wire::cell_kind::ended) {
      const auto rest = index.substr(at);
      at = index.size();
      if (rest.size() != sizeof(wire::end_record))
        s.wrong = "what follows the ended cell";
      else
        check_end(s, rest);
    } else {
      s.cells.push_back(cell);
    }
  }
  if (s.wrong.empty() && at != index.size())
    s.wrong = "a part of a cell";
  if (s.wrong.empty() && (next[0] != s.out.size() || next[1] != s.err.size()))
    s.wrong = "bytes without a cell";
  return s;
}

} // namespace ocw::launcher::test
