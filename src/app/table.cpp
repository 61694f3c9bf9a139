#include "app/table.hpp"

#include "messages/utf8.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>

namespace ocw {

namespace {

constexpr auto gap = size_t{2};

/// How many characters a terminal shows; bytes that begin none count nothing.
size_t width_of(std::string_view text) {
  return static_cast<size_t>(
    std::count_if(text.begin(), text.end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    }));
}

void append_line(std::string& out, const std::vector<std::string>& cells,
                 const std::vector<size_t>& widths) {
  for (auto i = size_t{0}; i < cells.size(); ++i) {
    out += cells[i];
    if (i + 1 < cells.size())
      out.append(widths[i] + gap - width_of(cells[i]), ' ');
  }
  while (out.ends_with(' '))
    out.pop_back();
  out += '\n';
}

} // namespace

table::table(std::vector<std::string> heads) : heads_(std::move(heads)) {
}

void table::add(std::vector<std::string> cells) {
  cells.resize(heads_.size());
  for (auto& cell : cells)
    cell = printable(cell);
  rows_.push_back(std::move(cells));
}

std::string table::text(bool colored) const {
  auto widths = std::vector<size_t>{};
  for (const auto& head : heads_)
    widths.push_back(width_of(head));
  for (const auto& row : rows_)
    for (auto i = size_t{0}; i < row.size(); ++i)
      widths[i] = std::max(widths[i], width_of(row[i]));
  auto out = std::string{};
  append_line(out, heads_, widths);
  if (colored)
    out = "\x1b[1m" + out.substr(0, out.size() - 1) + "\x1b[0m\n";
  for (const auto& row : rows_)
    append_line(out, row, widths);
  return out;
}

std::string printable(std::string_view text) {
  auto result = std::string{};
  append_lossy(result, text);
  for (auto i = size_t{0}; i < result.size(); ++i) {
    const auto c = static_cast<unsigned char>(result[i]);
    // U+0080 to U+009F are controls too; some terminals obey them.
    const auto is_c1 = c == 0xC2 && i + 1 < result.size()
                       && static_cast<unsigned char>(result[i + 1]) < 0xA0;
    if (c == '\n' || c == '\t')
      result[i] = ' ';
    else if (c < 0x20 || c == 0x7F)
      result[i] = '?';
    else if (is_c1)
      result.replace(i, 2, "?");
  }
  return result;
}

std::string duration_text(uint64_t milliseconds) {
  const auto seconds = milliseconds / 1000;
  if (milliseconds < 1000)
    return fmt::format("{} ms", milliseconds);
  if (seconds < 60)
    return fmt::format("{}.{} s", seconds, milliseconds / 100 % 10);
  if (seconds < 3600)
    return fmt::format("{}m {}s", seconds / 60, seconds % 60);
  if (seconds < 86400)
    return fmt::format("{}h {}m", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{}d {}h", seconds / 86400, seconds / 3600 % 24);
}

std::string age_text(int64_t milliseconds) {
  // Two machines' clocks may differ a little.
  const auto seconds = std::max(milliseconds, int64_t{0}) / 1000;
  if (seconds < 60)
    return fmt::format("{}s", seconds);
  if (seconds < 3600)
    return fmt::format("{}m", seconds / 60);
  if (seconds < 86400)
    return fmt::format("{}h", seconds / 3600);
  return fmt::format("{}d", seconds / 86400);
}

std::string size_text(uint64_t bytes) {
  static constexpr auto units
    = std::to_array<std::string_view>({"KiB", "MiB", "GiB", "TiB"});
  if (bytes < 1024)
    return fmt::format("{} B", bytes);
  auto value = static_cast<double>(bytes) / 1024;
  auto unit = size_t{0};
  for (; value >= 1024 && unit + 1 < units.size(); ++unit)
    value /= 1024;
  return value < 10 ? fmt::format("{:.1f} {}", value, units[unit])
                    : fmt::format("{:.0f} {}", value, units[unit]);
}

} // namespace ocw
