#include "app/connection.hpp"

#include "app/tcp_connect.hpp"
#include "ocw/errors.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace ocw {

namespace {

using std::chrono::milliseconds;

struct free_context {
  void operator()(SSL_CTX* x) const { SSL_CTX_free(x); }
};
struct free_session {
  void operator()(SSL* x) const { SSL_free(x); }
};

using tls_context = std::unique_ptr<SSL_CTX, free_context>;
using tls_session = std::unique_ptr<SSL, free_session>;

std::string system_text(int number) {
  return std::strerror(number);
}

std::string tls_text() {
  const auto code = ERR_get_error();
  ERR_clear_error();
  const auto* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "the connection was closed";
}

caf::expected<tls_context> make_context(const std::string& ca_file) {
  auto context = tls_context{SSL_CTX_new(TLS_client_method())};
  if (!context)
    return unreachable("TLS is not available: " + tls_text());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  // What TLS cannot tell from an attack is for the HTTP parser to judge, which
  // knows where an answer ends.
  SSL_CTX_set_options(context.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE
                                    | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (ca_file.empty())
    SSL_CTX_set_default_verify_paths(context.get());
  else if (SSL_CTX_load_verify_locations(context.get(), ca_file.c_str(),
                                         nullptr)
           != 1)
    return unreachable("cannot use the certificates in '" + ca_file
                       + "': " + tls_text());
  return context;
}

/// Makes the certificate's name count, whether the host is a name or an
/// address.
bool expect_host(SSL* session, const std::string& host) {
  auto* rules = SSL_get0_param(session);
  if (X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str()) == 1)
    return true;
  ERR_clear_error();
  return SSL_set1_host(session, host.c_str()) == 1
         && SSL_ctrl(session, SSL_CTRL_SET_TLSEXT_HOSTNAME,
                     TLSEXT_NAMETYPE_host_name, const_cast<char*>(host.c_str()))
              == 1;
}

/// What to wait for after a TLS call that did not succeed; 0: it failed.
short awaited_by(const SSL* session, int result) {
  switch (SSL_get_error(session, result)) {
  case SSL_ERROR_WANT_READ:
    return POLLIN;
  case SSL_ERROR_WANT_WRITE:
    return POLLOUT;
  default:
    return 0;
  }
}

std::string handshake_problem(const SSL* session) {
  const auto verdict = SSL_get_verify_result(session);
  if (verdict == X509_V_OK)
    return "TLS failed: " + tls_text();
  ERR_clear_error();
  auto result = std::string{"its certificate is not accepted: "}
                + X509_verify_cert_error_string(verdict);
  if (verdict != X509_V_ERR_HOSTNAME_MISMATCH
      && verdict != X509_V_ERR_IP_ADDRESS_MISMATCH)
    result += "; --ca-file names the authority to trust";
  return result;
}

caf::error shake_hands(SSL* session, int fd, milliseconds patience) {
  for (;;) {
    const auto result = SSL_connect(session);
    if (result == 1)
      return {};
    const auto awaited = awaited_by(session, result);
    if (awaited == 0)
      return unreachable(handshake_problem(session));
    if (const auto problem = wait_for(fd, awaited, patience); problem != 0)
      return unreachable("TLS failed: " + system_text(problem));
  }
}

} // namespace

struct connection::parts {
  unique_fd fd;
  tls_context context;
  tls_session session;

  // Both give the number of bytes, or what to wait for, or neither: then the
  // connection is done for and `problem` says why; empty means it was closed.
  struct attempt {
    size_t bytes = 0;
    short awaited = 0;
    std::string problem = {};
  };

  attempt try_read(char* into, size_t most) {
    if (session) {
      auto n = size_t{0};
      const auto result = SSL_read_ex(session.get(), into, most, &n);
      if (result == 1)
        return {n};
      if (const auto awaited = awaited_by(session.get(), result); awaited != 0)
        return {0, awaited};
      const auto closed
        = SSL_get_error(session.get(), result) == SSL_ERROR_ZERO_RETURN;
      return {0, 0, closed ? std::string{} : tls_text()};
    }
    const auto n = ::recv(fd.get(), into, most, 0);
    if (n >= 0)
      return {static_cast<size_t>(n)};
    if (errno == EAGAIN || errno == EINTR)
      return {0, POLLIN};
    return {0, 0, system_text(errno)};
  }

  attempt try_write(std::string_view bytes) {
    if (session) {
      auto n = size_t{0};
      const auto result
        = SSL_write_ex(session.get(), bytes.data(), bytes.size(), &n);
      if (result == 1)
        return {n};
      if (const auto awaited = awaited_by(session.get(), result); awaited != 0)
        return {0, awaited};
      return {0, 0, tls_text()};
    }
    const auto n = ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n >= 0)
      return {static_cast<size_t>(n)};
    if (errno == EAGAIN || errno == EINTR)
      return {0, POLLOUT};
    return {0, 0, system_text(errno)};
  }
};

connection::connection(std::unique_ptr<parts> what) : parts_(std::move(what)) {
}

connection::~connection() = default;

caf::expected<std::unique_ptr<connection>>
connection::open(const endpoint& where, const options& how) {
  auto made = std::make_unique<parts>();
  auto fd = connect_to(where, how.patience);
  if (!fd)
    return std::move(fd.error());
  made->fd = std::move(*fd);
  if (where.tls) {
    auto context = make_context(how.ca_file);
    if (!context)
      return std::move(context.error());
    made->context = std::move(*context);
    made->session.reset(SSL_new(made->context.get()));
    if (!made->session || SSL_set_fd(made->session.get(), made->fd.get()) != 1
        || !expect_host(made->session.get(), where.host))
      return unreachable("TLS is not available: " + tls_text());
    if (auto err
        = shake_hands(made->session.get(), made->fd.get(), how.patience))
      return err;
  }
  return std::unique_ptr<connection>{new connection(std::move(made))};
}

caf::expected<size_t> connection::read(char* into, size_t most,
                                       milliseconds patience) {
  for (;;) {
    auto attempt = parts_->try_read(into, most);
    if (!attempt.problem.empty())
      return unreachable(std::move(attempt.problem));
    if (attempt.awaited == 0)
      return attempt.bytes;
    if (const auto problem
        = wait_for(parts_->fd.get(), attempt.awaited, patience);
        problem != 0)
      return unreachable("no answer: " + system_text(problem));
  }
}

caf::error connection::write(std::string_view bytes, milliseconds patience) {
  while (!bytes.empty()) {
    auto attempt = parts_->try_write(bytes);
    bytes.remove_prefix(attempt.bytes);
    if (attempt.bytes > 0)
      continue;
    if (attempt.awaited == 0)
      return unreachable(std::move(attempt.problem));
    if (const auto problem
        = wait_for(parts_->fd.get(), attempt.awaited, patience);
        problem != 0)
      return unreachable("the node takes no data: " + system_text(problem));
  }
  return {};
}

bool connection::is_stale() const {
  // Between two requests a node has nothing to say: whatever is readable is
  // the end. A TLS node may send session tickets, so there only the end counts.
  auto byte = char{};
  const auto n = ::recv(parts_->fd.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (n > 0)
    return !parts_->session;
  return n == 0 || (errno != EAGAIN && errno != EINTR);
}

caf::error unreachable(std::string sentence) {
  return make_error(ec::unavailable, std::move(sentence), "url");
}

bool is_unreachable(const caf::error& err) {
  return code_of(err) == ec::unavailable && field_of(err) == "url";
}

} // namespace ocw
