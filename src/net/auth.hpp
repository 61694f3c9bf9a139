#pragma once

#include "net/bodies.hpp"
#include "net/rate_limit.hpp"
#include "ocw/config.hpp"

#include <caf/error.hpp>

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace ocw::net {

/// Who is at the door: the parts of a request that decide whether it may come
/// in. All views are valid during the call only.
struct visitor {
  std::string_view host;          ///< the Host header; empty: none was sent
  std::string_view origin;        ///< the Origin header; empty: none was sent
  std::string_view authorization; ///< the Authorization header
  std::string_view ticket;        ///< from the query, where one is accepted
  std::string_view peer;          ///< address of the other end
  bool peer_on_loopback = false;
};

/// What is asked for, as far as it matters here.
enum class visited : uint8_t {
  health,         ///< open to all, not counted
  metrics,        ///< open to loopback
  stream,         ///< also opened by a ticket
  websocket_port, ///< also opened by a ticket, or by `anonymous_loopback`
  anything_else,
};

/// Decides who may come in, and how often: Host and Origin first, then the
/// token or a ticket, then the rate. For the I/O thread only.
class authenticator {
public:
  /// `token` is the node's own; empty lets nobody in. `settings` must outlive
  /// this object; what changes in it takes effect at once.
  authenticator(const config& settings, std::string_view token);

  struct verdict {
    caf::error error;           ///< none: come in
    uint32_t retry_after_s = 0; ///< for `ec::rate_limited`
  };

  /// Host, Origin, credentials and rate. Uses the ticket up.
  verdict admit(const visitor& who, visited what);

  /// Host and Origin only, as for a preflight request, which has no
  /// credentials. A Host may name loopback, the configured host, or, where
  /// all addresses are bound, any address and this machine's name: a page
  /// whose own name was made to point here has another one. An Origin may be
  /// absent, the configured one, or the node's own.
  caf::error check_source(const visitor& who) const;

  /// A new single-use ticket for one stream, good for 60 s. An empty one when
  /// too many are unused.
  ticket_grant issue_ticket();

  /// Response headers that let a page of the configured origin read the
  /// answer, each line ended by CRLF; empty for every other origin.
  std::string cors_lines(std::string_view origin) const;

private:
  using digest = std::array<unsigned char, 32>;

  bool knows_token(std::string_view authorization) const;
  bool redeem(std::string_view ticket);
  bool may_enter(const visitor& who, visited what);
  bool host_is_ours(std::string_view host) const;
  bool is_local(const visitor& who) const;
  static digest digest_of(std::string_view text);

  const config& settings_;
  bool has_token_;
  digest token_;
  std::string machine_;
  std::map<digest, int64_t> tickets_; // → when it expires
  rate_limiter limiter_;
};

} // namespace ocw::net
