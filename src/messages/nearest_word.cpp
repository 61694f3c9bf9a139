#include "messages/nearest_word.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace ocw {

namespace {

/// Longer words are not compared: nobody mistypes that much of one.
constexpr auto longest = size_t{48};

using row = std::array<size_t, longest + 1>;

/// How many letters must be added, dropped, changed or swapped with their
/// neighbour to turn one word into the other.
size_t distance(std::string_view a, std::string_view b) {
  auto before_last = row{};
  auto last = row{};
  auto here = row{};
  for (auto j = size_t{0}; j <= b.size(); ++j)
    here[j] = j;
  for (auto i = size_t{1}; i <= a.size(); ++i) {
    before_last = last;
    last = here;
    here[0] = i;
    for (auto j = size_t{1}; j <= b.size(); ++j) {
      const auto changed = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      here[j] = std::min({last[j] + 1, here[j - 1] + 1, changed});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        here[j] = std::min(here[j], before_last[j - 2] + 1);
    }
  }
  return here[b.size()];
}

} // namespace

std::string_view nearest_word(std::string_view word,
                              std::span<const std::string_view> known) {
  auto result = std::string_view{};
  if (word.empty() || word.size() > longest)
    return result;
  auto best = std::max(size_t{2}, word.size() / 3) + 1;
  for (const auto candidate : known) {
    if (candidate.size() > longest)
      continue;
    const auto d = distance(word, candidate);
    if (d < best && d < candidate.size()) {
      best = d;
      result = candidate;
    }
  }
  return result;
}

std::string joined(std::span<const std::string_view> words) {
  auto result = std::string{};
  for (const auto word : words) {
    if (!result.empty())
      result += ", ";
    result += word;
  }
  return result;
}

} // namespace ocw
