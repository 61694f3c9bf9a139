#include "net/egress_request.hpp"

#include "ocw/errors.hpp"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/rfc7230.hpp>

#include <algorithm>
#include <array>

namespace ocw::net {

namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

using request_head = http::request_header<>;

constexpr auto scheme = std::string_view{"http://"};
constexpr uint16_t http_port = 80;

std::string_view view(beast::string_view text) {
  return {text.data(), text.size()};
}

caf::error no_request(std::string sentence) {
  return make_error(ec::invalid_request, std::move(sentence));
}

// Those of RFC 9110, section 7.6.1, and those this proxy writes itself.
bool is_for_this_hop(http::field name) {
  constexpr auto fields = std::to_array<http::field>(
    {http::field::connection, http::field::proxy_connection,
     http::field::keep_alive, http::field::proxy_authenticate,
     http::field::proxy_authorization, http::field::te, http::field::trailer,
     http::field::transfer_encoding, http::field::upgrade, http::field::host,
     http::field::content_length});
  return std::find(fields.begin(), fields.end(), name) != fields.end();
}

bool is_named_by_connection(const request_head& head, std::string_view name) {
  const auto [first, last] = head.equal_range(http::field::connection);
  return std::any_of(first, last, [name](const auto& each) {
    const auto tokens = http::token_list{each.value()};
    return std::any_of(tokens.begin(), tokens.end(), [name](auto token) {
      return beast::iequals(token,
                            beast::string_view{name.data(), name.size()});
    });
  });
}

void add_field(std::string& out, std::string_view name,
               std::string_view value) {
  out += name;
  out += ": ";
  out += value;
  out += "\r\n";
}

std::string head_for_target(const request_head& head, std::string_view path,
                            std::string_view host, const egress_body& body) {
  auto out = std::string{view(head.method_string())};
  out += ' ';
  out += path.starts_with('/') ? "" : "/";
  out += path;
  out += " HTTP/1.1\r\n";
  add_field(out, "Host", host);
  for (const auto& field : head) {
    const auto name = view(field.name_string());
    if (!is_for_this_hop(field.name()) && !is_named_by_connection(head, name))
      add_field(out, name, view(field.value()));
  }
  if (body.chunked)
    add_field(out, "Transfer-Encoding", "chunked");
  else if (body.length > 0 || head.count(http::field::content_length) > 0)
    add_field(out, "Content-Length", std::to_string(body.length));
  out += "Connection: close\r\n\r\n";
  return out;
}

caf::expected<egress_request> read_connect(std::string_view where) {
  auto target = read_egress_target(where);
  if (!target)
    return no_request("CONNECT wants a host and a port, such as "
                      "example.org:443");
  return egress_request{std::move(*target), true, {}};
}

caf::expected<egress_request> read_absolute(const request_head& head,
                                            std::string_view where,
                                            const egress_body& body) {
  where.remove_prefix(scheme.size());
  const auto authority = where.substr(0, where.find_first_of("/?#"));
  auto path = where.substr(authority.size());
  path = path.substr(0, path.find('#'));
  auto target = read_egress_target(authority, http_port);
  if (!target)
    return no_request("the target's host and port cannot be read; it has to "
                      "be as in http://example.org:80/path");
  const auto& coding = head[http::field::transfer_encoding];
  if (!coding.empty() && !beast::iequals(coding, "chunked"))
    return no_request("of transfer codings this proxy knows only chunked");
  auto text = head_for_target(head, path, authority, body);
  return egress_request{std::move(*target), false, std::move(text)};
}

} // namespace

caf::expected<egress_request> read_egress_request(const request_head& head,
                                                  const egress_body& body) {
  const auto where = view(head.target());
  if (head.method() == http::verb::connect)
    return read_connect(where);
  if (where.size() > scheme.size()
      && beast::iequals(head.target().substr(0, scheme.size()), scheme.data()))
    return read_absolute(head, where, body);
  return no_request("this is the node's proxy for jobs: it takes CONNECT and "
                    "absolute targets, http://…; an https:// one is reached "
                    "by CONNECT");
}

} // namespace ocw::net
