#include "net/auth.hpp"

#include "ocw/errors.hpp"
#include "ocw/ids.hpp"

#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>

namespace ocw::net {

namespace {

constexpr int64_t ticket_life_ms = 60000;
constexpr size_t max_tickets = 4096;

std::string lower(std::string_view text) {
  auto out = std::string{text};
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return out;
}

// The name or address in a Host header: no port, no brackets, lower case.
std::string host_of(std::string_view authority) {
  if (authority.starts_with('[')) {
    const auto end = authority.find(']');
    return end == std::string_view::npos ? std::string{}
                                         : lower(authority.substr(1, end - 1));
  }
  auto name = authority.substr(0, authority.find(':'));
  if (name.ends_with('.'))
    name.remove_suffix(1);
  return lower(name);
}

bool is_address(const std::string& host) {
  unsigned char bytes[16];
  return inet_pton(AF_INET, host.c_str(), bytes) == 1
         || inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

bool is_any_address(std::string_view host) {
  return host == "0.0.0.0" || host == "::" || host == "*";
}

std::string machine_name() {
  char name[256] = {};
  return gethostname(name, sizeof(name) - 1) == 0 ? lower(name) : std::string{};
}

// `http://host:port` against a Host header that was found to be ours.
bool same_origin(std::string_view origin, std::string_view host) {
  for (const auto scheme : {std::string_view{"http://"}, {"https://"}})
    if (origin.starts_with(scheme))
      return lower(origin.substr(scheme.size())) == lower(host);
  return false;
}

} // namespace

authenticator::authenticator(const config& settings, std::string_view token)
  : settings_(settings),
    has_token_(!token.empty()),
    token_(digest_of(token)),
    machine_(machine_name()) {
}

authenticator::verdict authenticator::admit(const visitor& who, visited what) {
  if (auto err = check_source(who))
    return {std::move(err)};
  if (what == visited::health)
    return {};
  const auto with_token = knows_token(who.authorization);
  const auto key = with_token ? std::string{"token"} : rate_key(who.peer);
  const auto wait = limiter_.take(key, effective_rpm(settings_.api),
                                  rate_limiter::time_point::clock::now());
  if (wait > 0)
    return {make_error(ec::rate_limited, "too many requests; try again in "
                                           + std::to_string(wait) + " s"),
            wait};
  if (with_token || may_enter(who, what))
    return {};
  return {make_error(ec::unauthorized,
                     "this needs the node's token as a bearer token")};
}

bool authenticator::may_enter(const visitor& who, visited what) {
  switch (what) {
  case visited::metrics:
    return is_local(who);
  case visited::websocket_port:
    return (settings_.websocket.anonymous_loopback && is_local(who))
           || redeem(who.ticket);
  case visited::stream:
    return redeem(who.ticket);
  default:
    return what == visited::health;
  }
}

// A proxy in front makes everyone look local.
bool authenticator::is_local(const visitor& who) const {
  return who.peer_on_loopback && !settings_.tls.terminated_upstream;
}

caf::error authenticator::check_source(const visitor& who) const {
  if (!who.host.empty() && !host_is_ours(host_of(who.host)))
    return make_error(ec::forbidden, "the Host header does not name this node",
                      "Host");
  const auto& friendly = settings_.api.cors_origin;
  if (who.origin.empty() || (!friendly.empty() && who.origin == friendly)
      || (!who.host.empty() && same_origin(who.origin, who.host)))
    return {};
  return make_error(ec::forbidden,
                    "pages of this origin may not use the node; "
                    "api.cors_origin names the one that may",
                    "Origin");
}

bool authenticator::host_is_ours(const std::string_view host) const {
  if (is_loopback_host(host) || host == lower(settings_.api.host))
    return true;
  return is_any_address(settings_.api.host)
         && (host == machine_ || is_address(std::string{host}));
}

std::string authenticator::cors_lines(std::string_view origin) const {
  const auto& friendly = settings_.api.cors_origin;
  if (friendly.empty() || origin != friendly)
    return {};
  return "Access-Control-Allow-Origin: " + friendly
         + "\r\nAccess-Control-Expose-Headers: Retry-After, Content-Range\r\n"
           "Vary: Origin\r\n";
}

// Digests are of equal length and tell nothing about the token, and comparing
// them takes the same time wherever they differ.
bool authenticator::knows_token(std::string_view authorization) const {
  constexpr auto scheme = std::string_view{"bearer "};
  if (!has_token_ || authorization.size() <= scheme.size()
      || lower(authorization.substr(0, scheme.size())) != scheme)
    return false;
  const auto shown = digest_of(authorization.substr(scheme.size()));
  return CRYPTO_memcmp(shown.data(), token_.data(), token_.size()) == 0;
}

ticket_grant authenticator::issue_ticket() {
  const auto now = now_unix_ms();
  std::erase_if(tickets_, [now](const auto& x) { return x.second <= now; });
  auto random = std::array<unsigned char, 24>{};
  if (tickets_.size() >= max_tickets
      || RAND_bytes(random.data(), static_cast<int>(random.size())) != 1)
    return {};
  auto out = ticket_grant{};
  constexpr auto digits = std::string_view{"0123456789abcdef"};
  for (const auto byte : random) {
    out.ticket += digits[byte >> 4];
    out.ticket += digits[byte & 15];
  }
  out.expires_at.unix_ms = now + ticket_life_ms;
  tickets_.emplace(digest_of(out.ticket), out.expires_at.unix_ms);
  return out;
}

bool authenticator::redeem(std::string_view ticket) {
  if (ticket.empty())
    return false;
  const auto found = tickets_.find(digest_of(ticket));
  if (found == tickets_.end())
    return false;
  const auto fresh = found->second > now_unix_ms();
  tickets_.erase(found);
  return fresh;
}

authenticator::digest authenticator::digest_of(std::string_view text) {
  auto out = digest{};
  std::string copy{text};
  SHA256(reinterpret_cast<const unsigned char*>(copy.data()), copy.size(),
         out.data());
  OPENSSL_cleanse(copy.data(), copy.size());
  return out;
}

} // namespace ocw::net
