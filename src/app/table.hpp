#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ocw {

/// Text for people, in columns as wide as they have to be. The last column is
/// never padded.
class table {
public:
  explicit table(std::vector<std::string> heads);

  /// Adds a row of as many cells as there are heads. What could move a
  /// terminal's cursor in them is shown as `?`.
  void add(std::vector<std::string> cells);

  bool empty() const { return rows_.empty(); }

  /// All lines, the heads first; in bold if `colored`.
  std::string text(bool colored) const;

private:
  std::vector<std::string> heads_;
  std::vector<std::vector<std::string>> rows_;
};

/// `text` on one line, with control characters as `?`: for what jobs and
/// nodes say, on its way to a terminal.
std::string printable(std::string_view text);

/// `850 ms`, `1.4 s`, `3m 20s`, `2h 5m`, `4d 3h`.
std::string duration_text(uint64_t milliseconds);

/// `12s`, `3m`, `2h`, `5d`: how long ago something was.
std::string age_text(int64_t milliseconds);

/// `512 B`, `1.5 KiB`, `20 MiB`.
std::string size_text(uint64_t bytes);

} // namespace ocw
