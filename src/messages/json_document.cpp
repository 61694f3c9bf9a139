#include "messages/json_document.hpp"

#include "messages/json_string.hpp"
#include "messages/utf8.hpp"
#include "ocw/errors.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace ocw {

namespace {

using nlohmann::json;

/// Longer keys are cut in messages.
constexpr auto longest_name_shown = size_t{200};

bool is_plain_name(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= longest_name_shown
         && std::all_of(name.begin(), name.end(), plain);
}

std::string place_of(std::string_view text, size_t position) {
  const auto before = text.substr(0, position);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const auto start = before.rfind('\n');
  const auto column = start == std::string_view::npos ? before.size() + 1
                                                      : before.size() - start;
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

/// The cause in the library's message, without what it says of the place and
/// without the text it read last, which may be long, or a secret.
std::string cause_of(std::string message, const std::string& last_token) {
  const auto skip_past = [&](std::string_view mark) {
    if (const auto at = message.find(mark); at != std::string::npos)
      message.erase(0, at + mark.size());
  };
  skip_past("] ");
  skip_past("parse error");
  skip_past(": ");
  const auto last_read = "; last read: '" + last_token + '\'';
  if (const auto at = message.find(last_read); at != std::string::npos)
    message.erase(at, last_read.size());
  if (message.size() > longest_name_shown)
    message.resize(longest_name_shown);
  return message;
}

/// Receives nlohmann's events and builds the document, within the bounds.
class document_builder final : public nlohmann::json_sax<json> {
public:
  explicit document_builder(std::string_view text) : text_(text) {
    // nop
  }

  json& root() { return root_; }
  const caf::error& error() const { return error_; }

  bool null() override { return put(nullptr); }
  bool boolean(bool x) override { return put(x); }
  bool number_integer(int64_t x) override { return put(x); }
  bool number_unsigned(uint64_t x) override { return put(x); }
  bool number_float(double x, const std::string&) override { return put(x); }
  bool string(std::string& x) override { return put(std::move(x)); }
  bool binary(json::binary_t&) override { return false; }
  bool start_object(size_t) override { return open(json::object()); }
  bool start_array(size_t) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(std::string& name) override {
    auto& object = open_.back()->get_ref<json::object_t&>();
    const auto [entry, fresh] = object.try_emplace(std::move(name));
    slot_ = &entry->second;
    return fresh ? count() : refuse_duplicate(entry->first);
  }

  bool parse_error(size_t position, const std::string& last_token,
                   const nlohmann::detail::exception& err) override {
    if (const auto good = utf8_prefix(text_); good != text_.size())
      return refuse("the body is not valid UTF-8 at " + place_of(text_, good));
    // The position counts the character that was wrong.
    const auto before = position - (position > 0 ? 1 : 0);
    return refuse("the body is not valid JSON at " + place_of(text_, before)
                  + ": " + cause_of(err.what(), last_token));
  }

private:
  bool refuse(std::string sentence, std::string field = {}) {
    error_
      = make_error(ec::invalid_request, std::move(sentence), std::move(field));
    return false;
  }

  bool count() {
    return ++count_ <= max_json_values
           || refuse("the body holds more than "
                     + std::to_string(max_json_values) + " JSON values");
  }

  template <class T>
  bool put(T&& x) {
    place(json(std::forward<T>(x)));
    return count();
  }

  json& place(json x) {
    if (open_.empty())
      return root_ = std::move(x);
    if (open_.back()->is_array())
      return open_.back()->get_ref<json::array_t&>().emplace_back(std::move(x));
    return *slot_ = std::move(x);
  }

  bool open(json x) {
    if (open_.size() == max_json_depth)
      return refuse("the body nests deeper than "
                    + std::to_string(max_json_depth) + " levels");
    open_.push_back(&place(std::move(x)));
    return count();
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  bool refuse_duplicate(const std::string& name) {
    auto path = std::string{};
    for (size_t i = 0; i + 1 < open_.size(); ++i)
      append_step(path, *open_[i], open_[i + 1]);
    append_path_name(path, name);
    auto sentence = path + " is there twice";
    return refuse(std::move(sentence), std::move(path));
  }

  static void append_step(std::string& path, const json& at,
                          const json* child) {
    if (at.is_array()) {
      path += '[' + std::to_string(at.size() - 1) + ']';
      return;
    }
    for (const auto& [name, value] : at.items())
      if (&value == child)
        return append_path_name(path, name);
  }

  std::string_view text_;
  json root_;
  std::vector<json*> open_; ///< elements only move while they are closed
  json* slot_ = nullptr;    ///< where the value of the last key goes
  size_t count_ = 0;
  caf::error error_;
};

} // namespace

caf::expected<nlohmann::json> parse_json(std::string_view text) {
  auto builder = document_builder{text};
  try {
    if (json::sax_parse(text.begin(), text.end(), &builder))
      return std::move(builder.root());
    return builder.error();
  } catch (const std::exception& err) {
    return make_error(ec::internal,
                      std::string{"cannot parse the body: "} + err.what());
  }
}

void append_path_name(std::string& path, std::string_view name) {
  if (!is_plain_name(name))
    return append_path_key(path, name);
  if (!path.empty())
    path += '.';
  path += name;
}

void append_path_key(std::string& path, std::string_view key) {
  path += '[';
  if (key.size() > longest_name_shown) {
    auto cut = std::string{};
    append_lossy(cut, key.substr(0, longest_name_shown));
    append_json_string(path, cut + "…");
  } else {
    append_json_string(path, key);
  }
  path += ']';
}

} // namespace ocw
