#include "net/egress_connection.hpp"

#include "net/reply.hpp"
#include "ocw/errors.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>

#include <array>

// How a request comes to be relayed, or refused; the relaying is in
// egress_relay.cpp.

namespace ocw::net {

namespace http = beast::http;

namespace {

constexpr uint32_t max_head_bytes = 16 << 10;
constexpr auto head_patience = std::chrono::seconds{10};
constexpr auto connect_patience = std::chrono::seconds{10}; // each address
constexpr auto linger_patience = std::chrono::seconds{5};
constexpr auto next_try = std::chrono::seconds{1};
constexpr size_t max_addresses = 4;
constexpr size_t max_lingering_bytes = 1 << 20;
constexpr auto setting = "isolation.network_allow";

std::string sentence_about(const egress_target& to, std::string_view why) {
  return "no connection to " + to.text() + ": " + std::string{why};
}

} // namespace

egress_connection::egress_connection(egress_socket client,
                                     egress_context context,
                                     std::shared_ptr<void> place)
  : place_(std::move(place)),
    context_(context),
    client_(std::move(client)),
    server_(client_.get_executor()),
    resolver_(client_.get_executor()),
    timer_(client_.get_executor()) {
  parser_.header_limit(max_head_bytes);
  parser_.body_limit(boost::none);
}

awaitable<void> egress_connection::run() {
  const auto self = shared_from_this();
  try {
    co_await serve();
  } catch (const std::exception& fault) {
    log::debug("egress.connection_lost", {}, "{}", fault.what());
    close();
  }
  if (pumps_left_ == 0)
    close();
}

void egress_connection::close() {
  auto ignored = error_code{};
  closed_ = true;
  client_.close(ignored);
  server_.close(ignored);
  resolver_.cancel();
  timer_.cancel();
}

awaitable<void> egress_connection::serve() {
  const auto error = co_await read_head();
  if (error) {
    const auto told = explain_head(error);
    if (told)
      co_await refuse(*told);
    co_return;
  }
  const auto body
    = egress_body{parser_.chunked(), parser_.content_length().value_or(0)};
  const auto request = read_egress_request(parser_.get(), body);
  if (!request) {
    const auto told = refusal{400, request.error()};
    co_await refuse(told);
    co_return;
  }
  const auto refused = co_await connect(request->target);
  if (refused)
    co_await refuse(*refused);
  else if (request->tunnel)
    co_await tunnel();
  else
    co_await forward(*request);
}

awaitable<boost::system::error_code> egress_connection::read_head() {
  auto error = error_code{};
  allow(head_patience);
  co_await http::async_read_header(client_, buffer_, parser_,
                                   asio::redirect_error(use_awaitable, error));
  co_return error;
}

// Nothing for a connection on which nobody asked for anything.
std::optional<egress_connection::refusal>
egress_connection::explain_head(const error_code& error) const {
  if (late_ && parser_.got_some())
    return refusal{408, make_error(ec::invalid_request,
                                   "the request's head did not come within "
                                   "10 s")};
  if (error == http::error::header_limit
      || error == http::error::buffer_overflow)
    return refusal{431, make_error(ec::payload_too_large,
                                   "the request's head is over 16 KiB")};
  if (error.category()
        != http::make_error_code(http::error::bad_method).category()
      || error == http::error::end_of_stream
      || error == http::error::partial_message)
    return {};
  return refusal{400, make_error(ec::invalid_request,
                                 "this is no HTTP request that can be read: "
                                   + error.message())};
}

// -- to where it wants
// ---------------------------------------------------------

// A name is looked up once, and what was checked is what is connected to.
awaitable<std::optional<egress_connection::refusal>>
egress_connection::connect(const egress_target& to) {
  auto denied = [&](std::string_view why) {
    context_.audit.refused(to, why);
    return refusal{
      403, make_error(ec::egress_denied, sentence_about(to, why), setting)};
  };
  if (!context_.rules.allow(to))
    co_return denied("isolation.network_allow does not list it");
  auto addresses = co_await resolve(to);
  auto error = error_code{asio::error::host_not_found};
  if (!addresses.empty()) {
    std::erase_if(addresses, [&](const tcp::endpoint& each) {
      return !to.address && !context_.rules.may_mean(to, each.address());
    });
    if (addresses.empty())
      co_return denied("the name leads to this machine or its link, which "
                       "isolation.network_allow does not list");
  }
  addresses.resize(std::min(addresses.size(), max_addresses));
  for (const auto& address : addresses) {
    error = co_await connect_to(address);
    if (!error) {
      context_.audit.opened(to);
      co_return std::nullopt;
    }
  }
  const auto why = late_ ? std::string{"no answer in time"} : error.message();
  context_.audit.failed(to, why);
  co_return refusal{502, make_error(ec::unavailable, sentence_about(to, why))};
}

awaitable<std::vector<asio::ip::tcp::endpoint>>
egress_connection::resolve(const egress_target& to) {
  auto found = std::vector<tcp::endpoint>{};
  if (to.address) {
    found.emplace_back(*to.address, to.port);
    co_return found;
  }
  auto error = error_code{};
  const auto port = std::to_string(to.port);
  allow(connect_patience);
  const auto results = co_await resolver_.async_resolve(
    to.host, port, asio::ip::resolver_base::numeric_service,
    asio::redirect_error(use_awaitable, error));
  for (const auto& each : results)
    if (const auto where = each.endpoint();
        std::find(found.begin(), found.end(), where) == found.end())
      found.push_back(where);
  co_return found;
}

awaitable<boost::system::error_code>
egress_connection::connect_to(const tcp::endpoint& address) {
  auto error = error_code{};
  server_.close(error);
  if (closed_)
    co_return asio::error::operation_aborted;
  server_.open(address.protocol(), error);
  if (error)
    co_return error;
  allow(connect_patience);
  co_await server_.async_connect(address,
                                 asio::redirect_error(use_awaitable, error));
  auto ignored = error_code{};
  server_.set_option(tcp::no_delay{true}, ignored);
  client_.set_option(tcp::no_delay{true}, ignored);
  co_return error;
}

// -- or not
// --------------------------------------------------------------------

// Closing a socket with unread input resets the connection, and the answer may
// be lost with it; so what still comes in is read and dropped for a while.
awaitable<void> egress_connection::refuse(const refusal& with) {
  answered_ = true;
  auto told = error_reply(with.status, with.why);
  auto head = reply_head{told.status, told.content_type};
  head.content_length = told.body.size();
  head.keep_open = false;
  auto text = std::string{};
  write_head(text, head);
  if (parser_.get().method() != http::verb::head)
    text += told.body;
  allow(linger_patience);
  auto error = error_code{};
  co_await asio::async_write(client_, asio::buffer(std::as_const(text)),
                             asio::redirect_error(use_awaitable, error));
  if (!error)
    client_.shutdown(egress_socket::shutdown_send, error);
  auto dropped = std::array<char, 8192>{};
  for (auto left = max_lingering_bytes; !error && left > 0;) {
    const auto n = co_await client_.async_read_some(
      asio::buffer(dropped), asio::redirect_error(use_awaitable, error));
    left -= std::min(n, left);
  }
}

// -- time
// ----------------------------------------------------------------------

void egress_connection::allow(std::chrono::seconds time) {
  late_ = false;
  due_ = clock::now() + time;
  if (!closed_)
    watch();
}

// Before there is an answer, what takes too long is broken off so that the job
// can be told; again, in case it was just between two steps.
void egress_connection::watch() {
  timer_.expires_at(due_);
  timer_.async_wait([weak = weak_from_this()](error_code error) {
    const auto self = weak.lock();
    if (!self || error || self->closed_)
      return;
    if (clock::now() >= self->due_) {
      self->late_ = true;
      if (self->answered_)
        return self->close();
      auto ignored = error_code{};
      self->client_.cancel(ignored);
      self->server_.cancel(ignored);
      self->resolver_.cancel();
      self->due_ = clock::now() + next_try;
    }
    self->watch();
  });
}

} // namespace ocw::net
