#pragma once

#include "net/auth.hpp"
#include "net/exchange.hpp"
#include "net/http_connection.hpp"
#include "net/router.hpp"

#include <optional>
#include <string>

namespace ocw::net {

/// A request's head, judged before its body is read: which operation it asks
/// for, or what to refuse it with.
struct judged_request {
  std::optional<reply> refusal;
  const operation* what = nullptr; ///< null on the WebSocket port
  request_target target;
  named_values captures;
  std::string cors; ///< header lines for every answer
};

/// Checks the head of a request against everything that does not need its
/// body: form, Host and Origin, credentials, rate, path, verb, parameters and
/// type. OPTIONS is answered here, too.
judged_request judge(authenticator& auth, door_kind kind,
                     const http_request::header_type& head,
                     const peer_info& peer);

} // namespace ocw::net
