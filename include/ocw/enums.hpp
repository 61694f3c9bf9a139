#pragma once

#include <caf/default_enum_inspect.hpp>
#include <caf/string_view.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace ocw {

/// The words of an enum, in the order of its values, which start at 0 and have
/// no gaps. Specialised next to each enum; everything else (text, parsing,
/// wire, JSON, JSON Schema) follows from this one table.
template <class Enum>
inline constexpr auto enum_words = nullptr;

/// An enum that has its words.
template <class Enum>
concept worded_enum = std::is_enum_v<Enum> && !std::is_null_pointer_v<
  std::remove_cv_t<decltype(enum_words<Enum>)>>;

template <worded_enum Enum>
constexpr std::string_view word_of(Enum value) {
  const auto index = static_cast<size_t>(value);
  return index < enum_words<Enum>.size() ? enum_words<Enum>[index]
                                         : std::string_view{"unknown"};
}

template <worded_enum Enum>
std::string to_string(Enum value) {
  return std::string{word_of(value)};
}

/// Finds the value of a word. False, and no change, when there is none.
template <worded_enum Enum>
bool from_word(std::string_view word, Enum& value) {
  for (auto i = size_t{0}; i < enum_words<Enum>.size(); ++i) {
    if (enum_words<Enum>[i] == word) {
      value = static_cast<Enum>(i);
      return true;
    }
  }
  return false;
}

// The next three are found by argument-dependent lookup from CAF.

template <worded_enum Enum>
bool from_string(caf::string_view word, Enum& value) {
  return from_word(std::string_view{word.data(), word.size()}, value);
}

template <worded_enum Enum>
bool from_integer(std::underlying_type_t<Enum> number, Enum& value) {
  if (static_cast<size_t>(number) >= enum_words<Enum>.size())
    return false;
  value = static_cast<Enum>(number);
  return true;
}

template <class Inspector, worded_enum Enum>
bool inspect(Inspector& f, Enum& x) {
  return caf::default_enum_inspect(f, x);
}

} // namespace ocw
