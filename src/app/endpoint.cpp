#include "app/endpoint.hpp"

#include "ocw/errors.hpp"

#include <algorithm>
#include <charconv>

namespace ocw {

namespace {

caf::error refuse(std::string_view url, std::string_view problem) {
  auto sentence = std::string{"the url '"}.append(url).append("' ");
  sentence.append(problem).append("; expected http://HOST:PORT or "
                                  "https://HOST:PORT");
  return make_error(ec::invalid_request, std::move(sentence), "url");
}

uint16_t usual_port(bool tls) {
  return tls ? 443 : 80;
}

bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != 0x7F;
  });
}

/// Splits `host`, `host:port` and `[v6]:port`.
bool read_authority(std::string_view text, endpoint& where) {
  auto port = std::string_view{};
  auto has_port = false;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos)
      return false;
    where.host = text.substr(1, end - 1);
    const auto rest = text.substr(end + 1);
    has_port = rest.starts_with(':');
    if (!has_port && !rest.empty())
      return false;
    port = has_port ? rest.substr(1) : rest;
  } else {
    const auto colon = text.find(':');
    has_port = colon != std::string_view::npos;
    where.host = text.substr(0, colon);
    port = has_port ? text.substr(colon + 1) : port;
  }
  where.port = usual_port(where.tls);
  if (!has_port)
    return !where.host.empty();
  const auto* end = port.data() + port.size();
  const auto [stop, error] = std::from_chars(port.data(), end, where.port);
  return !where.host.empty() && stop == end && error == std::errc{}
         && where.port != 0;
}

} // namespace

caf::expected<endpoint> parse_url(std::string_view url) {
  auto where = endpoint{};
  auto rest = url;
  if (url.starts_with("http://"))
    rest.remove_prefix(7);
  else if (url.starts_with("https://"))
    rest.remove_prefix(8);
  else
    return refuse(url, "does not begin with http:// or https://");
  where.tls = url.starts_with("https://");
  if (!is_plain(rest))
    return refuse(url, "has a space or a control character");
  const auto slash = rest.find('/');
  const auto authority = rest.substr(0, slash);
  if (authority.find('@') != std::string_view::npos)
    // Not echoed: what stands before the @ may be a password.
    return make_error(ec::invalid_request,
                      "the url has a user name in it; the token comes from "
                      "--token-file or OPENCODE_WORKER_TOKEN",
                      "url");
  if (rest.find_first_of("?#") != std::string_view::npos)
    return refuse(url, "has a query or a fragment");
  if (!read_authority(authority, where))
    return refuse(url, "has no usable host and port");
  if (slash != std::string_view::npos)
    where.prefix = rest.substr(slash);
  while (where.prefix.ends_with('/'))
    where.prefix.pop_back();
  return where;
}

std::string authority_of(const endpoint& where) {
  const auto is_v6 = where.host.find(':') != std::string::npos;
  auto result = is_v6 ? "[" + where.host + "]" : where.host;
  if (where.port != usual_port(where.tls))
    result.append(":").append(std::to_string(where.port));
  return result;
}

std::string url_of(const endpoint& where) {
  return (where.tls ? "https://" : "http://") + authority_of(where)
         + where.prefix;
}

std::string percent_encoded(std::string_view text, std::string_view also_kept) {
  static constexpr auto digits = std::string_view{"0123456789ABCDEF"};
  static constexpr auto unreserved
    = std::string_view{"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                       "0123456789-._~"};
  auto result = std::string{};
  result.reserve(text.size());
  for (const auto c : text) {
    if (unreserved.find(c) != std::string_view::npos
        || also_kept.find(c) != std::string_view::npos) {
      result += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    result += '%';
    result += digits[byte >> 4];
    result += digits[byte & 15];
  }
  return result;
}

} // namespace ocw
