#pragma once

#include "messages/json_string.hpp"
#include "messages/json_values.hpp"
#include "ocw/enums.hpp"

#include <concepts>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace ocw {

struct write_options {
  /// Leaves out fields that are absent or equal to their fallback. Replies
  /// show all fields; what is stored need not.
  bool omit_defaults = false;

  /// Leaves out these fields of the outermost object.
  std::span<const std::string_view> omit = {};
};

/// Writes a value as JSON text straight into a buffer, through the value's
/// `inspect`, which sees this as its inspector. Cannot fail.
class json_writer {
public:
  /// A field of an object, as `inspect` describes it.
  template <class T, class Fallback = std::nullptr_t>
  struct field_view {
    std::string_view name;
    const T& source;
    Fallback otherwise;

    template <class U>
    field_view<T, U> fallback(U&& value) && {
      return {name, source, std::forward<U>(value)};
    }
  };

  class object_view {
  public:
    explicit object_view(json_writer& writer) : writer_(writer) {
      // nop
    }

    template <class... Fields>
    bool fields(Fields&&... fs) {
      writer_.out_ += '{';
      ++writer_.depth_;
      [[maybe_unused]] auto first = true;
      (writer_.write_field(fs, first), ...);
      --writer_.depth_;
      writer_.out_ += '}';
      return true;
    }

  private:
    json_writer& writer_;
  };

  explicit json_writer(std::string& out, write_options options = {})
    : out_(out), options_(options) {
    // nop
  }

  template <class T>
  object_view object(T&) {
    return object_view{*this};
  }

  template <class T>
  field_view<T> field(std::string_view name, T& source) {
    return {name, source, nullptr};
  }

  template <class T>
  void write(const T& x);

private:
  bool omits(std::string_view name) const;
  void write_integer(int64_t x);
  void write_integer(uint64_t x);
  void write_real(double x);

  template <class Field>
  bool is_default(const Field& field) const {
    if constexpr (!std::is_null_pointer_v<decltype(field.otherwise)>)
      return field.source == field.otherwise;
    else if constexpr (requires { field.source.has_value(); })
      return !field.source.has_value();
    else
      return false;
  }

  template <class Field>
  void write_field(const Field& field, bool& first) {
    if (options_.omit_defaults && is_default(field))
      return;
    if (!options_.omit.empty() && omits(field.name))
      return;
    out_ += first ? "\"" : ",\"";
    out_ += field.name;
    out_ += "\":";
    first = false;
    write(field.source);
  }

  template <class T>
  void write_list(const std::vector<T>& x) {
    out_ += '[';
    for (auto i = size_t{0}; i < x.size(); ++i) {
      if (i > 0)
        out_ += ',';
      write(x[i]);
    }
    out_ += ']';
  }

  template <class T>
  void write_map(const std::map<std::string, T>& x) {
    out_ += '{';
    auto first = true;
    for (const auto& [key, value] : x) {
      if (!std::exchange(first, false))
        out_ += ',';
      append_json_string(out_, key);
      out_ += ':';
      write(value);
    }
    out_ += '}';
  }

  std::string& out_;
  write_options options_;
  size_t depth_ = 0;
};

template <class T>
void json_writer::write(const T& x) {
  if constexpr (has_json_form<T>) {
    write_form(out_, x);
  } else if constexpr (std::same_as<T, bool>) {
    out_ += x ? "true" : "false";
  } else if constexpr (worded_enum<T>) {
    out_ += '"';
    out_ += word_of(x);
    out_ += '"';
  } else if constexpr (std::signed_integral<T>) {
    write_integer(int64_t{x});
  } else if constexpr (std::unsigned_integral<T>) {
    write_integer(uint64_t{x});
  } else if constexpr (std::same_as<T, double>) {
    write_real(x);
  } else if constexpr (std::same_as<T, std::string>) {
    append_json_string(out_, x);
  } else if constexpr (requires { typename T::mapped_type; }) {
    write_map(x);
  } else if constexpr (requires { x.capacity(); }) {
    write_list(x);
  } else if constexpr (requires { x.has_value(); }) {
    if (x.has_value())
      write(*x);
    else
      out_ += "null";
  } else {
    // `inspect` takes what it may also fill; this inspector only reads it.
    inspect(*this, const_cast<T&>(x));
  }
}

/// Appends `x` to `out` as compact JSON.
template <class T>
void write_json(std::string& out, const T& x, write_options options = {}) {
  json_writer{out, options}.write(x);
}

} // namespace ocw
