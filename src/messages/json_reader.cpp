#include "messages/json_reader.hpp"

#include "messages/nearest_word.hpp"

#include <algorithm>

namespace ocw {

namespace {

/// A value in a sentence. Strings are not shown: they may be secret or long.
std::string shown(const nlohmann::json& value) {
  switch (value.type()) {
  case nlohmann::json::value_t::null:
    return "null";
  case nlohmann::json::value_t::object:
    return "an object";
  case nlohmann::json::value_t::array:
    return "an array";
  case nlohmann::json::value_t::string:
    return "this string";
  default:
    return value.dump();
  }
}

bool contains(std::span<const std::string_view> words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string between(const std::string& least, const std::string& most) {
  return "an integer from " + least + " to " + most;
}

} // namespace

std::string json_reader::path_to(const step* last) const {
  if (last == nullptr)
    return {};
  auto result = path_to(last->parent);
  switch (last->how) {
  case step::kind::field:
    append_path_name(result, last->name);
    break;
  case step::kind::key:
    append_path_key(result, last->name);
    break;
  case step::kind::element:
    result += '[' + std::to_string(last->index) + ']';
    break;
  }
  return result;
}

bool json_reader::fail(std::string sentence, std::string field) {
  if (!error_)
    error_
      = make_error(ec::invalid_request, std::move(sentence), std::move(field));
  return false;
}

bool json_reader::refuse(std::string_view expected) {
  auto path = path_to(here_);
  auto sentence = path.empty() ? "the body" : path;
  sentence += " must be ";
  sentence += expected;
  sentence += ", not ";
  sentence += shown(*value_);
  return fail(std::move(sentence), std::move(path));
}

bool json_reader::fail_missing(std::string_view name) {
  const auto missing = step{here_, step::kind::field, name, 0};
  auto path = path_to(&missing);
  return fail(path + " is missing", path);
}

bool json_reader::expect_object() {
  return value_->is_object() || refuse("an object");
}

bool json_reader::check_names(const name_check& names) {
  if (names.found == value_->size() && names.aliases.empty())
    return true;
  for (const auto& [other, name] : names.aliases)
    if (value_->contains(other) && value_->contains(name)) {
      const auto twice = step{here_, step::kind::field, name, 0};
      auto path = path_to(&twice);
      auto sentence = path + " is there twice, once as " + std::string{other};
      return fail(std::move(sentence), std::move(path));
    }
  if (names.found == value_->size() || options_.ignore_unknown)
    return true;
  for (const auto& [name, ignored] : value_->items()) {
    const auto is_alias
      = [&name = name](const alias& x) { return x.first == name; };
    if (contains(names.known, name)
        || std::any_of(names.aliases.begin(), names.aliases.end(), is_alias))
      continue;
    const auto unknown = step{here_, step::kind::field, name, 0};
    auto path = path_to(&unknown);
    const auto near = nearest_word(name, names.known);
    auto sentence = "unknown field " + path;
    if (!near.empty())
      sentence.append("; did you mean ").append(near).append("?");
    else if (!names.known.empty())
      sentence.append("; known are ").append(joined(names.known));
    return fail(std::move(sentence), std::move(path));
  }
  return true;
}

bool json_reader::read_bool(bool& x) {
  if (!value_->is_boolean())
    return refuse("true or false");
  x = value_->get<bool>();
  return true;
}

bool json_reader::read_real(double& x) {
  if (!value_->is_number())
    return refuse("a number");
  x = value_->get<double>();
  return true;
}

bool json_reader::read_string(std::string& x) {
  if (!value_->is_string())
    return refuse("a string");
  x = std::move(value_->get_ref<std::string&>());
  return true;
}

bool json_reader::read_signed(int64_t& x, int64_t least, int64_t most) {
  const auto fits = [&] {
    if (value_->is_number_unsigned())
      return value_->get<uint64_t>() <= static_cast<uint64_t>(most);
    return value_->is_number_integer() && value_->get<int64_t>() >= least
           && value_->get<int64_t>() <= most;
  };
  if (!fits())
    return refuse(between(std::to_string(least), std::to_string(most)));
  x = value_->get<int64_t>();
  return true;
}

bool json_reader::read_unsigned(uint64_t& x, uint64_t most) {
  // A document built in code holds positive numbers as signed ones.
  const auto fits
    = value_->is_number_integer()
      && (value_->is_number_unsigned() || value_->get<int64_t>() >= 0)
      && value_->get<uint64_t>() <= most;
  if (!fits)
    return refuse(between("0", std::to_string(most)));
  x = value_->get<uint64_t>();
  return true;
}

const std::string*
json_reader::read_word(std::span<const std::string_view> words) {
  const auto* word = value_->get_ptr<const std::string*>();
  if (word != nullptr && contains(words, *word))
    return word;
  refuse("one of " + joined(words));
  return nullptr;
}

} // namespace ocw
