#pragma once

#include "app/settings.hpp"
#include "messages/nearest_word.hpp"
#include "ocw/enums.hpp"

#include <fmt/format.h>

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
    return "a text";
  } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
    return "a list of texts";
  } else {
    return "an object of texts";
  }
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
    if (!value.is_string())
      return false;
    target = value.get<std::string>();
  } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
    if (!value.is_array())
      return false;
    for (const auto& item : value)
      if (!item.is_string())
        return false;
    target = value.get<T>();
  } else {
    if (!value.is_object())
      return false;
    for (const auto& item : value)
      if (!item.is_string())
        return false;
    target = value.get<T>();
  }
  return true;
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
    if (!text.empty() && (text.front() == '[' || text.front() == '{'))
      return json::parse(text, nullptr, false);
    auto result = std::is_same_v<T, std::vector<std::string>> ? json::array()
                                                              : json::object();
    for (auto begin = size_t{0}; begin < text.size();) {
      const auto end = std::min(text.find(',', begin), text.size());
      const auto item = text.substr(begin, end - begin);
      const auto equals = item.find('=');
      if (result.is_array())
        result.push_back(item);
      else if (equals == std::string::npos)
        return {};
      else
        result[item.substr(0, equals)] = item.substr(equals + 1);
      begin = end + 1;
    }
    return result;
  }
}

template <class T>
nlohmann::ordered_json as_json(const T& value) {
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
