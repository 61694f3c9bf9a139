#pragma once

#include "app/settings.hpp"
#include "messages/json_document.hpp"
#include "messages/nearest_word.hpp"
#include "messages/utf8.hpp"
#include "ocw/enums.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

// How values of each type come from JSON and from text.
namespace ocw::detail {

using json = nlohmann::json;

/// Bounds of a number; text and lists have none.
struct bounds {
  double least = 0;
  double most = 0;
};

inline std::string number_text(double value) {
  return fmt::format("{:.15g}", value);
}

template <class T>
std::string allowed_text(bounds range) {
  if constexpr (std::is_same_v<T, bool>) {
    return "true or false";
  } else if constexpr (worded_enum<T>) {
    return "one of " + joined(std::span{enum_words<T>});
  } else if constexpr (std::is_arithmetic_v<T>) {
    return fmt::format("{} from {} to {}",
                       std::is_integral_v<T> ? "an integer" : "a number",
                       number_text(range.least), number_text(range.most));
  } else if constexpr (std::is_same_v<T, std::string>) {
    return "a text without control characters";
  } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
    return "a list of texts (a,b or a JSON array)";
  } else {
    return "an object of texts (k=v,k=v or a JSON object)";
  }
}

/// Texts end up in file names, headers and terminals.
inline bool is_clean(const std::string& text) {
  return is_text(text) && std::none_of(text.begin(), text.end(), [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == '\x7F';
         });
}

/// Whether an array or object holds clean texts only, under clean names.
inline bool holds_texts(const json& value) {
  for (const auto& [name, item] : value.items())
    if (!item.is_string() || !is_clean(item.get_ref<const std::string&>())
        || !is_clean(name) || name.empty())
      return false;
  return true;
}

template <class T>
bool take_number(T& target, const json& value, bounds range) {
  if (std::is_integral_v<T> ? !value.is_number_integer() : !value.is_number())
    return false;
  const auto number = value.get<double>();
  if (!std::isfinite(number) || number < range.least || number > range.most)
    return false;
  target = value.get<T>();
  return true;
}

template <class T>
bool take(T& target, const json& value, bounds range) {
  if constexpr (std::is_same_v<T, bool>) {
    if (!value.is_boolean())
      return false;
    target = value.get<bool>();
  } else if constexpr (worded_enum<T>) {
    // `true` and `false` are words of a setting that also knows "auto".
    const auto word = value.is_boolean() ? value.get<bool>() ? "true" : "false"
                                         : std::string{};
    if (!value.is_string() && !value.is_boolean())
      return false;
    return from_word(word.empty() ? value.get<std::string>() : word, target);
  } else if constexpr (std::is_arithmetic_v<T>) {
    return take_number(target, value, range);
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!value.is_string() || !is_clean(value.get_ref<const std::string&>()))
      return false;
    target = value.get<std::string>();
  } else {
    const auto is_list = std::is_same_v<T, std::vector<std::string>>;
    if (!(is_list ? value.is_array() : value.is_object())
        || !holds_texts(value))
      return false;
    target = value.get<T>();
  }
  return true;
}

inline std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(' ');
  const auto last = text.find_last_not_of(' ');
  return first == std::string::npos ? std::string{}
                                    : text.substr(first, last - first + 1);
}

/// `a,b` as a list, or `k=v,k=v` as an object; JSON is taken as it is. Null
/// when it is neither.
inline json collection_from_text(const std::string& text, bool is_list) {
  if (text.starts_with('[') || text.starts_with('{')) {
    auto document = parse_json(text);
    return document ? std::move(*document) : json();
  }
  auto result = is_list ? json::array() : json::object();
  for (auto begin = size_t{0}; !text.empty() && begin <= text.size();) {
    const auto end = std::min(text.find(',', begin), text.size());
    const auto item = trimmed(text.substr(begin, end - begin));
    const auto equals = item.find('=');
    if (item.empty() || (!is_list && equals == std::string::npos))
      return {};
    if (is_list)
      result.push_back(item);
    else if (!result.emplace(item.substr(0, equals), item.substr(equals + 1))
                .second)
      return {};
    begin = end + 1;
  }
  return result;
}

/// Reads text as the JSON value that a setting of type T wants. Null when it
/// cannot be one.
template <class T>
json json_from_text(const std::string& text) {
  if constexpr (std::is_same_v<T, bool>) {
    return text == "true" || text == "1"    ? json(true)
           : text == "false" || text == "0" ? json(false)
                                            : json();
  } else if constexpr (std::is_arithmetic_v<T>) {
    auto value = std::conditional_t<std::is_integral_v<T>, int64_t, double>{};
    const auto* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, value);
    return parsed.ec == std::errc{} && parsed.ptr == end ? json(value) : json();
  } else if constexpr (std::is_same_v<T, std::string> || worded_enum<T>) {
    return text;
  } else {
    return collection_from_text(text,
                                std::is_same_v<T, std::vector<std::string>>);
  }
}

template <class T>
nlohmann::ordered_json as_json(const T& value) {
  // Cores are mostly whole, and then nobody writes `2.0`.
  if constexpr (std::is_same_v<T, double>)
    if (value == std::floor(value) && std::fabs(value) < 1e15)
      return static_cast<int64_t>(value);
  if constexpr (worded_enum<T>)
    return to_string(value);
  else
    return value;
}

/// Makes the row of one setting; `member` finds it in a config.
template <class T, class Member>
setting make_setting(std::string_view key, Member member, bounds range,
                     bool live, std::string_view sentence) {
  auto row
    = setting{key, allowed_text<T>(range), sentence, live, {}, {}, {}, {}};
  auto put
    = [member, range, allowed = row.allowed](config& into, const json& value) {
        return take<T>(member(into), value, range) ? std::string{} : allowed;
      };
  row.from_json = put;
  row.from_text = [put](config& into, const std::string& text) {
    return put(into, json_from_text<T>(text));
  };
  row.to_json = [member](const config& from) {
    return as_json<T>(member(const_cast<config&>(from)));
  };
  row.copy = [member](config& to, const config& from) {
    member(to) = member(const_cast<config&>(from));
  };
  return row;
}

} // namespace ocw::detail
