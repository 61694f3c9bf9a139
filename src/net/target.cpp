#include "net/target.hpp"

#include "ocw/errors.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace ocw::net {

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

bool decode_percent(std::string_view raw, bool plus_is_space,
                    std::string& out) {
  out.clear();
  for (auto i = size_t{0}; i < raw.size(); ++i) {
    auto c = raw[i];
    if (c == '%') {
      if (i + 2 >= raw.size())
        return false;
      const auto high = hex_digit(raw[i + 1]);
      const auto low = hex_digit(raw[i + 2]);
      if (high < 0 || low < 0)
        return false;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    out += c;
  }
  return true;
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
}

// An encoded slash can hide a parent directory inside one segment.
bool climbs(std::string_view segment) {
  while (true) {
    const auto slash = segment.find('/');
    const auto part = segment.substr(0, slash);
    if (part == "." || part == "..")
      return true;
    if (slash == std::string_view::npos)
      return false;
    segment.remove_prefix(slash + 1);
  }
}

caf::error parse_path(std::string_view path, std::vector<std::string>& out) {
  while (true) {
    const auto slash = path.find('/');
    auto segment = std::string{};
    if (!decode_percent(path.substr(0, slash), false, segment)
        || has_control(segment))
      return make_error(ec::invalid_request,
                        "the path is not properly percent-encoded", "path");
    if (climbs(segment))
      return make_error(ec::invalid_request,
                        "the path has a segment that is . or ..", "path");
    out.push_back(std::move(segment));
    if (slash == std::string_view::npos)
      return {};
    path.remove_prefix(slash + 1);
  }
}

caf::error parse_query(std::string_view raw, named_values& out) {
  while (!raw.empty()) {
    const auto end = raw.find('&');
    const auto pair = raw.substr(0, end);
    raw.remove_prefix(end == std::string_view::npos ? raw.size() : end + 1);
    if (pair.empty())
      continue;
    const auto equals = pair.find('=');
    auto name = std::string{};
    auto value = std::string{};
    const auto fine
      = decode_percent(pair.substr(0, equals), true, name)
        && (equals == std::string_view::npos
            || decode_percent(pair.substr(equals + 1), true, value));
    if (!fine)
      return make_error(ec::invalid_request,
                        "the query is not properly percent-encoded", "query");
    out.emplace_back(std::move(name), std::move(value));
  }
  return {};
}

// A request meant for a proxy names scheme and host first.
std::string_view without_origin(std::string_view raw) {
  for (const auto scheme : {std::string_view{"http://"}, {"https://"}}) {
    if (!raw.starts_with(scheme))
      continue;
    raw.remove_prefix(scheme.size());
    const auto slash = raw.find('/');
    return slash == std::string_view::npos ? "/" : raw.substr(slash);
  }
  return raw;
}

} // namespace

const std::string* find_value(const named_values& values,
                              std::string_view name) {
  for (const auto& [key, value] : values)
    if (key == name)
      return &value;
  return nullptr;
}

caf::expected<request_target> parse_target(std::string_view raw) {
  raw = without_origin(raw.substr(0, raw.find('#')));
  if (!raw.starts_with('/'))
    return make_error(ec::invalid_request,
                      "the request target does not begin with a slash", "path");
  const auto mark = raw.find('?');
  auto out = request_target{};
  if (auto err = parse_path(raw.substr(1, mark - 1), out.segments))
    return err;
  if (mark != std::string_view::npos)
    if (auto err = parse_query(raw.substr(mark + 1), out.query))
      return err;
  return out;
}

caf::expected<uint64_t> number_in(const named_values& query,
                                  std::string_view name, uint64_t when_absent) {
  const auto* text = find_value(query, name);
  if (!text)
    return when_absent;
  auto number = uint64_t{0};
  const auto* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, number);
  if (text->empty() || stop != end || error != std::errc{})
    return make_error(ec::invalid_request,
                      "'" + *text + "' is not a non-negative whole number",
                      std::string{name});
  return number;
}

caf::expected<bool> flag_in(const named_values& query, std::string_view name) {
  const auto* text = find_value(query, name);
  if (!text || *text == "0" || *text == "false")
    return false;
  if (text->empty() || *text == "1" || *text == "true")
    return true;
  return make_error(ec::invalid_request, "'" + *text + "' is neither 1 nor 0",
                    std::string{name});
}

caf::expected<std::optional<uint64_t>> wait_in(const named_values& query) {
  const auto* text = find_value(query, "wait");
  if (!text)
    return std::optional<uint64_t>{};
  auto seconds = 0.0;
  const auto* end = text->data() + text->size();
  const auto [stop, error]
    = std::from_chars(text->data(), end, seconds, std::chars_format::fixed);
  if (text->empty() || stop != end || error != std::errc{}
      || !(seconds >= 0 && seconds <= 3600))
    return make_error(ec::invalid_request,
                      "'" + *text
                        + "' is not a number of seconds from 0 to "
                          "3600",
                      "wait");
  return std::optional{static_cast<uint64_t>(std::llround(seconds * 1000))};
}

} // namespace ocw::net
