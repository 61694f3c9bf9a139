#pragma once

#include <span>
#include <string>
#include <string_view>

namespace ocw {

/// The known word that `word` is most probably a misspelling of; empty when
/// none is near.
std::string_view nearest_word(std::string_view word,
                              std::span<const std::string_view> known);

/// `a, b, c`, for sentences.
std::string joined(std::span<const std::string_view> words);

} // namespace ocw
