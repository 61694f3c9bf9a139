#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/rate_policy.hpp>

// g++ 12 inlines the allocation of a coroutine's frame but not its release, and
// takes Asio's matching pair for a mismatch.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

// The types every door speaks with. There is one I/O thread and one
// io_context, so what runs on it needs no lock. A TLS connection arrives here
// as one end of a socket pair, already decrypted (tls_front), which is why the
// protocol is generic.
namespace ocw::net {

namespace asio = boost::asio;
namespace beast = boost::beast;

using socket_type = asio::basic_stream_socket<asio::generic::stream_protocol,
                                              asio::io_context::executor_type>;
using stream_type = beast::basic_stream<asio::generic::stream_protocol,
                                        asio::io_context::executor_type,
                                        beast::unlimited_rate_policy>;

template <class T>
using awaitable = asio::awaitable<T, asio::io_context::executor_type>;

inline constexpr auto use_awaitable
  = asio::use_awaitable_t<asio::io_context::executor_type>{};

} // namespace ocw::net
