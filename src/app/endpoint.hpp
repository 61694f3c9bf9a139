#pragma once

#include <caf/expected.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace ocw {

/// Where a node's HTTP door is.
struct endpoint {
  bool tls = false;
  std::string host; ///< a name or an address, without brackets
  uint16_t port = 0;
  std::string prefix; ///< of every path, `/ocw` behind a proxy; often empty
};

/// Reads `http://host[:port][/prefix]` or `https://…`. Errors are
/// `ec::invalid_request` and say what is wrong; a user name, a query or a
/// fragment in it is refused.
caf::expected<endpoint> parse_url(std::string_view url);

/// The URL an endpoint came from, without a slash at its end.
std::string url_of(const endpoint& where);

/// `host:port` as the Host header has it: without the scheme's own port.
std::string authority_of(const endpoint& where);

/// Percent-encodes everything but RFC 3986's unreserved characters and those
/// in `also_kept`.
std::string percent_encoded(std::string_view text,
                            std::string_view also_kept = {});

} // namespace ocw
