#pragma once

#include <boost/asio/ip/address.hpp>

#include <caf/expected.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ocw::net {

/// Where a job wants to connect to.
struct egress_target {
  std::string host; ///< a name in lower case, or an address as it is printed
  std::optional<boost::asio::ip::address> address; ///< of a host that is one
  uint16_t port = 0;

  /// "host:port", an IPv6 address in brackets.
  std::string text() const;
};

/// Reads "host:port", or "host" where there is a `usual_port`. Nothing for what
/// is neither a name nor an address as it is printed: the odd ways to write
/// one (127.1, 0x7f000001) are no way around a rule.
std::optional<egress_target> read_egress_target(std::string_view text,
                                                uint16_t usual_port = 0);

/// `isolation.network_allow`: what jobs may connect to. Pure.
class egress_rules {
public:
  /// Reads `host:port` rules. The host is a name, `*.` and a name for all names
  /// below it, or an address, of IPv6 in brackets; the port may be `*`.
  /// `ec::invalid_request` names the first that is none.
  static caf::expected<egress_rules>
  parse(const std::vector<std::string>& texts);

  bool allow(const egress_target& target) const;

  /// Whether an allowed name may mean this address. A name that points at this
  /// machine or its link does not lead there (DNS rebinding), unless a rule
  /// lists that address, or the name is `localhost`.
  bool may_mean(const egress_target& named,
                const boost::asio::ip::address& address) const;

private:
  struct rule {
    std::string host; ///< with a leading dot: every name that ends so
    std::optional<boost::asio::ip::address> address;
    std::optional<uint16_t> port; ///< none: every port
  };

  static caf::expected<rule> parse_rule(const std::string& text);

  std::vector<rule> rules_;
};

/// An address as rules compare it: an IPv4 address that is written as one of
/// IPv6 is itself.
boost::asio::ip::address plain_address(boost::asio::ip::address address);

} // namespace ocw::net
