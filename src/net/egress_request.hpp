#pragma once

#include "net/egress_rules.hpp"

#include <boost/beast/http/message.hpp>

#include <caf/expected.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace ocw::net {

/// How long the body of a request is.
struct egress_body {
  bool chunked = false; ///< in pieces, until the last
  uint64_t length = 0;
};

/// What a job asks of the proxy.
struct egress_request {
  egress_target target;
  bool tunnel = false; ///< CONNECT
  std::string head;    ///< what the target is sent first; empty with `tunnel`
};

/// Understands the head of a request to a proxy: CONNECT, or an absolute
/// `http://` target. What concerns only the connection to the proxy is taken
/// out, and the one behind it is for this request alone. `ec::invalid_request`
/// says what a proxy makes no sense of.
caf::expected<egress_request>
read_egress_request(const boost::beast::http::request_header<>& head,
                    const egress_body& body);

} // namespace ocw::net
