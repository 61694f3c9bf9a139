#pragma once

#include "messages/json_values.hpp"
#include "messages/json_writer.hpp"
#include "ocw/enums.hpp"

#include <nlohmann/json.hpp>

#include <concepts>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace ocw {

/// The JSON Schema (2020-12) of what `json_reader` takes for a `T`, from the
/// same `inspect`. May be called at any time, from any thread.
template <class T>
nlohmann::ordered_json schema_of();

namespace detail {

/// Lets a schema take `null` as well.
void allow_null(nlohmann::ordered_json& schema);

/// Describes the fields that an `inspect` shows it.
class schema_inspector {
public:
  template <class T, class Fallback = std::nullptr_t>
  struct field_view {
    std::string_view name;
    Fallback otherwise;

    template <class U>
    field_view<T, U> fallback(U&& value) && {
      return {name, std::forward<U>(value)};
    }
  };

  template <class T>
  class object_view {
  public:
    explicit object_view(schema_inspector& inspector) : inspector_(inspector) {
      // nop
    }

    template <class... Fields>
    bool fields(Fields&&... fs) {
      (inspector_.add(fs), ...);
      for (const auto& [other, name] : json_aliases<T>)
        inspector_.add_alias(std::string{other}, std::string{name});
      return true;
    }

  private:
    schema_inspector& inspector_;
  };

  template <class T>
  object_view<T> object(T&) {
    return object_view<T>{*this};
  }

  template <class T>
  field_view<T> field(std::string_view name, T&) {
    return {name, nullptr};
  }

  nlohmann::ordered_json take() &&;

private:
  void add_alias(std::string other, const std::string& name);

  template <class T, class Fallback>
  void add(const field_view<T, Fallback>& field) {
    const auto name = std::string{field.name};
    auto schema = schema_of<T>();
    if constexpr (!std::is_null_pointer_v<Fallback>) {
      auto text = std::string{};
      write_json(text, static_cast<T>(field.otherwise),
                 {.omit_defaults = true});
      schema["default"] = nlohmann::ordered_json::parse(text);
    } else if constexpr (!requires(T & x) { x.reset(); }) {
      required_.push_back(name);
    }
    properties_[name] = std::move(schema);
  }

  nlohmann::ordered_json properties_ = nlohmann::ordered_json::object();
  nlohmann::ordered_json required_ = nlohmann::ordered_json::array();
};

template <class T>
nlohmann::ordered_json schema_of_integer() {
  auto result = nlohmann::ordered_json{{"type", "integer"}};
  if constexpr (std::is_unsigned_v<T>)
    result["minimum"] = 0;
  else if constexpr (sizeof(T) < 8)
    result["minimum"] = std::numeric_limits<T>::min();
  // 64-bit bounds are beyond what many readers of a schema can represent.
  if constexpr (sizeof(T) < 8)
    result["maximum"] = std::numeric_limits<T>::max();
  return result;
}

} // namespace detail

template <class T>
nlohmann::ordered_json schema_of() {
  if constexpr (has_json_form<T>) {
    return schema_form(static_cast<const T*>(nullptr));
  } else if constexpr (std::same_as<T, bool>) {
    return {{"type", "boolean"}};
  } else if constexpr (worded_enum<T>) {
    return {{"type", "string"}, {"enum", enum_words<T>}};
  } else if constexpr (std::integral<T>) {
    return detail::schema_of_integer<T>();
  } else if constexpr (std::same_as<T, double>) {
    return {{"type", "number"}};
  } else if constexpr (std::same_as<T, std::string>) {
    return {{"type", "string"}};
  } else if constexpr (requires { typename T::mapped_type; }) {
    return {{"type", "object"},
            {"additionalProperties", schema_of<typename T::mapped_type>()}};
  } else if constexpr (requires(T & x) { x.capacity(); }) {
    return {{"type", "array"}, {"items", schema_of<typename T::value_type>()}};
  } else if constexpr (requires(T & x) { x.has_value(); }) {
    auto result = schema_of<typename T::value_type>();
    detail::allow_null(result);
    return result;
  } else {
    auto blank = T{};
    auto inspector = detail::schema_inspector{};
    inspect(inspector, blank);
    return std::move(inspector).take();
  }
}

} // namespace ocw
