#include "app/config_file.hpp"

#include "app/table.hpp"
#include "messages/json_document.hpp"
#include "messages/nearest_word.hpp"
#include "messages/utf8.hpp"
#include "ocw/errors.hpp"
#include "process/unique_fd.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace ocw {

namespace {

using key_values = std::vector<std::pair<std::string, nlohmann::json>>;

constexpr size_t max_file_bytes = 1 << 20;
constexpr size_t longest_value_shown = 100;

caf::error refuse(std::string sentence, std::string_view key = {}) {
  return make_error(ec::invalid_request, std::move(sentence), std::string{key});
}

caf::expected<std::string> read(const std::string& path) {
  const auto failed = [&](const std::string& why) {
    return refuse(
      fmt::format("file {}: the settings cannot be read: {}", path, why));
  };
  const auto fd = unique_fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd)
    return failed(std::generic_category().message(errno));
  auto text = std::string{};
  auto part = std::array<char, 16384>{};
  for (;;) {
    const auto n = ::read(fd.get(), part.data(), part.size());
    if (n < 0 && errno != EINTR)
      return failed(std::generic_category().message(errno));
    if (n == 0)
      return text;
    if (n > 0)
      text.append(part.data(), static_cast<size_t>(n));
    if (text.size() > max_file_bytes)
      return failed("it is over 1 MiB");
  }
}

/// The parser speaks of a request's body.
std::string about_file(const std::string& path, std::string sentence) {
  constexpr auto subject = std::string_view{"the body "};
  if (sentence.starts_with(subject))
    sentence.replace(0, subject.size(), "it ");
  return fmt::format("file {}: {}", path, sentence);
}

/// Settings of other programs of this name, which are refused with a reason.
std::string_view reason_against(std::string_view key) {
  if (key == "api.api_key")
    return "; the node's token is not a setting: it stands in the file "
           "'token' in the state dir";
  return {};
}

bool is_section(std::string_view name) {
  const auto rows = all_settings();
  return std::any_of(rows.begin(), rows.end(), [=](const setting& row) {
    return row.key.size() > name.size() && row.key.starts_with(name)
           && row.key[name.size()] == '.';
  });
}

std::string_view last_part(std::string_view key) {
  return key.substr(key.rfind('.') + 1);
}

} // namespace

std::string_view nearest_setting_word(std::string_view word,
                                      std::span<const std::string_view> known) {
  if (const auto nearest = nearest_word(word, known); !nearest.empty())
    return nearest;
  // A section that was left out, or an end that is not there.
  if (word.size() >= 3)
    for (const auto candidate : known)
      if (candidate.ends_with(word) || candidate.starts_with(word))
        return candidate;
  return {};
}

caf::error unknown_key(std::string_view source, std::string_view key) {
  auto keys = std::vector<std::string_view>{};
  for (const auto& row : all_settings())
    keys.push_back(row.key);
  const auto shown = printable(key);
  auto sentence = fmt::format("{}: there is no setting '{}'", source, shown);
  const auto reason = reason_against(key);
  // The right name in the wrong section says more than letters alike.
  auto namesakes = std::vector<std::string_view>{};
  for (const auto known : keys)
    if (last_part(known) == last_part(key))
      namesakes.push_back(known);
  const auto nearest = namesakes.size() == 1 ? namesakes.front()
                                             : nearest_setting_word(key, keys);
  if (!reason.empty())
    sentence += reason;
  else if (!nearest.empty())
    sentence += fmt::format("; the nearest is {}", nearest);
  return refuse(std::move(sentence), key);
}

caf::error wrong_value(std::string_view source, const setting& row,
                       const std::string& value) {
  auto shown = printable(value);
  if (shown.size() > longest_value_shown) {
    auto cut = std::string{};
    append_lossy(cut, std::string_view{shown}.substr(0, longest_value_shown));
    shown = cut + "…";
  }
  return refuse(fmt::format("{}: {} is {}, but must be {}", source, row.key,
                            shown, row.allowed),
                row.key);
}

caf::expected<key_values> read_config_file(const std::string& path) {
  auto text = read(path);
  if (!text)
    return std::move(text.error());
  auto document = parse_json(*text);
  if (!document)
    return refuse(about_file(path, sentence_of(document.error())));
  if (!document->is_object())
    return refuse(fmt::format("file {}: it must hold a JSON object", path));
  const auto source = "file " + path;
  auto result = key_values{};
  for (auto& [name, value] : document->items()) {
    const auto dotted = name.find('.') != std::string::npos;
    if (dotted && find_setting(name))
      return refuse(fmt::format(
        "{}: write {} as a section: {{\"{}\": {{\"{}\": …}}}}", source, name,
        name.substr(0, name.find('.')), last_part(name)));
    if (find_setting(name)) {
      result.emplace_back(name, std::move(value));
      continue;
    }
    // What is in it tells best what section was meant.
    if (!is_section(name))
      return unknown_key(source,
                         value.is_object() && !value.empty()
                           ? fmt::format("{}.{}", name, value.begin().key())
                           : name);
    if (!value.is_object())
      return refuse(
        fmt::format("{}: {} must be an object of settings", source, name),
        name);
    for (auto& [inner, leaf] : value.items()) {
      auto key = fmt::format("{}.{}", name, inner);
      if (!find_setting(key))
        return unknown_key(source, key);
      result.emplace_back(std::move(key), std::move(leaf));
    }
  }
  return result;
}

} // namespace ocw
