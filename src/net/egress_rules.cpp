#include "net/egress_rules.hpp"

#include "ocw/errors.hpp"

#include <algorithm>
#include <charconv>

namespace ocw::net {

namespace ip = boost::asio::ip;

namespace {

constexpr auto rules_setting = "isolation.network_allow";
constexpr size_t max_name_bytes = 253; // RFC 1035, section 2.3.4
constexpr size_t max_label_bytes = 63;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_name_byte(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
}

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= max_label_bytes
         && label.front() != '-' && label.back() != '-'
         && std::all_of(label.begin(), label.end(), is_name_byte);
}

// The C library takes what ends so for an address: 127.1, 0x7f000001.
bool is_number(std::string_view label) {
  const auto is_hex
    = [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); };
  if (label.starts_with("0x"))
    return std::all_of(label.begin() + 2, label.end(), is_hex);
  return std::all_of(label.begin(), label.end(), is_digit);
}

bool is_name(std::string_view name) {
  if (name.size() > max_name_bytes)
    return false;
  for (auto rest = name;;) {
    const auto dot = rest.find('.');
    const auto label = rest.substr(0, dot);
    if (!is_label(label))
      return false;
    if (dot == std::string_view::npos)
      return !is_number(label);
    rest.remove_prefix(dot + 1);
  }
}

std::string lower(std::string_view text) {
  auto result = std::string{text};
  for (auto& c : result)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  return result;
}

std::optional<uint16_t> port_of(std::string_view text) {
  auto number = uint16_t{0};
  const auto* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc{} || parsed.ptr != end || number == 0)
    return {};
  return number;
}

struct host_and_port {
  std::string_view host;
  std::optional<std::string_view> port;
  bool in_brackets = false;
};

std::optional<host_and_port> split(std::string_view text) {
  auto result = host_and_port{};
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos)
      return {};
    result.in_brackets = true;
    result.host = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
  } else {
    result.host = text.substr(0, text.find(':'));
    text.remove_prefix(result.host.size());
  }
  if (text.empty())
    return result;
  if (text.front() != ':')
    return {};
  result.port = text.substr(1);
  return result;
}

// An address is one of IPv6 if, and only if, it stands in brackets; a zone is
// nothing a job or a rule could mean.
std::optional<ip::address> address_of(const host_and_port& where) {
  if (where.host.find('%') != std::string_view::npos)
    return {};
  auto error = boost::system::error_code{};
  const auto text = std::string{where.host};
  const auto address = where.in_brackets
                         ? ip::address{ip::make_address_v6(text, error)}
                         : ip::address{ip::make_address_v4(text, error)};
  if (error)
    return {};
  return plain_address(address);
}

// Fills in host and address; false when the host is neither.
template <class T>
bool read_host(const host_and_port& where, T& into) {
  into.address = address_of(where);
  into.host = into.address ? into.address->to_string() : lower(where.host);
  if (into.address)
    return true;
  if (into.host.ends_with('.'))
    into.host.pop_back();
  return !where.in_brackets && is_name(into.host);
}

bool is_of_this_machine(const ip::address& address) {
  if (address.is_loopback() || address.is_unspecified())
    return true;
  if (address.is_v6())
    return address.to_v6().is_link_local();
  const auto bytes = address.to_v4().to_bytes();
  return bytes[0] == 0 || (bytes[0] == 169 && bytes[1] == 254);
}

caf::error no_rule(const std::string& text, std::string_view why) {
  return make_error(ec::invalid_request,
                    std::string{rules_setting} + " has '" + text + "', but "
                      + std::string{why},
                    rules_setting);
}

} // namespace

ip::address plain_address(ip::address address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return ip::make_address_v4(ip::v4_mapped, address.to_v6());
  return address;
}

std::string egress_target::text() const {
  const auto brackets = address && address->is_v6();
  return (brackets ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::optional<egress_target> read_egress_target(std::string_view text,
                                                uint16_t usual_port) {
  const auto where = split(text);
  if (!where)
    return {};
  auto result = egress_target{};
  if (!read_host(*where, result))
    return {};
  const auto port
    = where->port ? port_of(*where->port) : std::optional{usual_port};
  if (!port || *port == 0)
    return {};
  result.port = *port;
  return result;
}

caf::expected<egress_rules::rule>
egress_rules::parse_rule(const std::string& text) {
  if (text.find('/') != std::string::npos)
    return no_rule(text, "a rule is a host and a port, such as "
                         "example.org:443, without a scheme or a path");
  auto where = split(text);
  if (!where)
    return no_rule(text, "a rule is a host and a port, such as "
                         "example.org:443");
  if (!where->port)
    return no_rule(text, "a rule ends with a port, such as example.org:443, "
                         "or with :* for every port");
  if (where->port->find(':') != std::string_view::npos)
    return no_rule(text, "an IPv6 address stands in brackets, as in [::1]:443");
  auto result = rule{};
  if (*where->port != "*") {
    result.port = port_of(*where->port);
    if (!result.port)
      return no_rule(text, "a port is a number from 1 to 65535, or *");
  }
  const auto is_suffix = where->host.starts_with("*.");
  if (is_suffix)
    where->host.remove_prefix(2);
  if (!read_host(*where, result) || (is_suffix && result.address))
    return no_rule(text, "a host is a name, *. and a name, or an address");
  if (is_suffix)
    result.host.insert(0, ".");
  return result;
}

caf::expected<egress_rules>
egress_rules::parse(const std::vector<std::string>& texts) {
  auto result = egress_rules{};
  for (const auto& text : texts) {
    auto each = parse_rule(text);
    if (!each)
      return std::move(each.error());
    result.rules_.push_back(std::move(*each));
  }
  return result;
}

bool egress_rules::allow(const egress_target& target) const {
  return std::any_of(rules_.begin(), rules_.end(), [&](const rule& each) {
    if (each.port && *each.port != target.port)
      return false;
    if (each.address || target.address)
      return each.address == target.address;
    return each.host.starts_with('.') ? target.host.ends_with(each.host)
                                      : target.host == each.host;
  });
}

bool egress_rules::may_mean(const egress_target& named,
                            const ip::address& address) const {
  const auto plain = plain_address(address);
  if (!is_of_this_machine(plain))
    return true;
  if (named.host == "localhost" && plain.is_loopback())
    return true;
  return allow({plain.to_string(), plain, named.port});
}

} // namespace ocw::net
