#pragma once

#include "messages/json_document.hpp"
#include "messages/json_values.hpp"
#include "ocw/enums.hpp"
#include "ocw/errors.hpp"

#include <caf/expected.hpp>

#include <nlohmann/json.hpp>

#include <array>
#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ocw {

struct read_options {
  /// Skips keys it does not know instead of refusing them: for replies, which
  /// a newer node may have added to. Requests are always read strictly.
  bool ignore_unknown = false;
};

/// Fills a value from a JSON document through the value's `inspect`, which
/// sees this as its inspector. Takes the strings out of the document instead
/// of copying them. The first problem wins and is an error that names the
/// field with its path.
class json_reader {
public:
  /// A field of an object, as `inspect` describes it.
  template <class T, class Fallback = std::nullptr_t>
  struct field_view {
    std::string_view name;
    T& target;
    Fallback otherwise; ///< what an absent field means
    nlohmann::json* found = nullptr;

    template <class U>
    field_view<T, U> fallback(U&& value) && {
      return {name, target, std::forward<U>(value)};
    }
  };

  template <class T>
  class object_view {
  public:
    explicit object_view(json_reader& reader) : reader_(reader) {
      // nop
    }

    template <class... Fields>
    bool fields(Fields&&... fs) {
      if (!reader_.expect_object())
        return false;
      const auto known
        = std::array<std::string_view, sizeof...(fs)>{fs.name...};
      const auto found = (size_t{0} + ... + reader_.template find_field<T>(fs));
      return reader_.check_names({known, json_aliases<T>, found})
             && (reader_.read_field(fs) && ...);
    }

  private:
    json_reader& reader_;
  };

  explicit json_reader(nlohmann::json& root, read_options options = {})
    : value_(&root), options_(options) {
    // nop
  }

  template <class T>
  object_view<T> object(T&) {
    return object_view<T>{*this};
  }

  template <class T>
  field_view<T> field(std::string_view name, T& target) {
    return {name, target, nullptr};
  }

  /// Reads the current value into `x`.
  template <class T>
  bool read(T& x);

  /// The current value.
  nlohmann::json& value() { return *value_; }

  /// Fails: the current value must be something else, such as "a string".
  bool refuse(std::string_view expected);

  caf::error& error() { return error_; }

private:
  using alias = std::pair<std::string_view, std::string_view>;

  /// How a value was reached; lives on the stack of whoever reads it.
  struct step {
    enum class kind : uint8_t { field, key, element };
    const step* parent;
    kind how;
    std::string_view name;
    size_t index;
  };

  struct name_check {
    std::span<const std::string_view> known;
    std::span<const alias> aliases;
    size_t found;
  };

  std::string path_to(const step* last) const;
  bool fail(std::string sentence, std::string field);
  bool fail_missing(std::string_view name);
  bool expect_object();
  bool check_names(const name_check& names);
  bool read_bool(bool& x);
  bool read_real(double& x);
  bool read_string(std::string& x);
  bool read_signed(int64_t& x, int64_t least, int64_t most);
  bool read_unsigned(uint64_t& x, uint64_t most);
  const std::string* read_word(std::span<const std::string_view> words);

  template <class T, class Field>
  size_t find_field(Field& field) {
    auto found = size_t{0};
    const auto look_for = [&](std::string_view name) {
      if (const auto i = value_->find(name); i != value_->end()) {
        field.found = &*i;
        ++found;
      }
    };
    look_for(field.name);
    for (const auto& [other, name] : json_aliases<T>)
      if (name == field.name)
        look_for(other);
    return found;
  }

  template <class T, class Fallback>
  bool read_field(field_view<T, Fallback>& field) {
    if (field.found != nullptr)
      return read_at({here_, step::kind::field, field.name, 0}, *field.found,
                     field.target);
    if constexpr (!std::is_null_pointer_v<Fallback>) {
      field.target = field.otherwise;
      return true;
    } else if constexpr (requires { field.target.reset(); }) {
      field.target.reset();
      return true;
    } else {
      return fail_missing(field.name);
    }
  }

  /// Reads `value`, which is one step further on, into `x`.
  template <class T>
  bool read_at(const step& next, nlohmann::json& value, T& x) {
    const auto* const here = std::exchange(here_, &next);
    auto* const outer = std::exchange(value_, &value);
    const auto good = read(x);
    here_ = here;
    value_ = outer;
    return good;
  }

  template <std::integral T>
  bool read_integer(T& x);
  template <class T>
  bool read_list(std::vector<T>& x);
  template <class T>
  bool read_map(std::map<std::string, T>& x);

  nlohmann::json* value_;
  const step* here_ = nullptr;
  read_options options_;
  caf::error error_;
};

template <std::integral T>
bool json_reader::read_integer(T& x) {
  using limits = std::numeric_limits<T>;
  if constexpr (std::is_signed_v<T>) {
    auto wide = int64_t{0};
    if (!read_signed(wide, limits::min(), limits::max()))
      return false;
    x = static_cast<T>(wide);
  } else {
    auto wide = uint64_t{0};
    if (!read_unsigned(wide, limits::max()))
      return false;
    x = static_cast<T>(wide);
  }
  return true;
}

template <class T>
bool json_reader::read_list(std::vector<T>& x) {
  if (!value_->is_array())
    return refuse("an array");
  auto& items = value_->template get_ref<nlohmann::json::array_t&>();
  x.clear();
  x.reserve(items.size());
  for (auto i = size_t{0}; i < items.size(); ++i)
    if (!read_at({here_, step::kind::element, {}, i}, items[i],
                 x.emplace_back()))
      return false;
  return true;
}

template <class T>
bool json_reader::read_map(std::map<std::string, T>& x) {
  if (!value_->is_object())
    return refuse("an object");
  x.clear();
  // Both maps are sorted alike: each entry belongs at the end.
  for (auto& [key, item] :
       value_->template get_ref<nlohmann::json::object_t&>()) {
    const auto entry = x.emplace_hint(x.end(), key, T{});
    if (!read_at({here_, step::kind::key, key, 0}, item, entry->second))
      return false;
  }
  return true;
}

template <class T>
bool json_reader::read(T& x) {
  if constexpr (has_json_form<T>) {
    return read_form(*this, x);
  } else if constexpr (std::same_as<T, bool>) {
    return read_bool(x);
  } else if constexpr (worded_enum<T>) {
    const auto* word = read_word(enum_words<T>);
    return word != nullptr && from_word(*word, x);
  } else if constexpr (std::integral<T>) {
    return read_integer(x);
  } else if constexpr (std::same_as<T, double>) {
    return read_real(x);
  } else if constexpr (std::same_as<T, std::string>) {
    return read_string(x);
  } else if constexpr (requires { typename T::mapped_type; }) {
    return read_map(x);
  } else if constexpr (requires { x.emplace_back(); }) {
    return read_list(x);
  } else if constexpr (requires { x.has_value(); }) {
    if (value_->is_null()) {
      x.reset();
      return true;
    }
    return read(x.emplace());
  } else {
    return inspect(*this, x);
  }
}

/// Reads a `T` from a parsed document, which is used up.
template <class T>
caf::expected<T> read_json_value(nlohmann::json document,
                                 read_options options = {}) {
  auto result = T{};
  auto reader = json_reader{document, options};
  if (!reader.read(result))
    return std::move(reader.error());
  return result;
}

/// Reads a `T` from JSON text. Every error is `ec::invalid_request` and says
/// what was expected, with the path of the field (`limits.memory`).
template <class T>
caf::expected<T> read_json(std::string_view text, read_options options = {}) {
  auto document = parse_json(text);
  if (!document)
    return std::move(document.error());
  return read_json_value<T>(std::move(*document), options);
}

} // namespace ocw
