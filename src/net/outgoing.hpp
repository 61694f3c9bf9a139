#pragma once

#include "net/door.hpp"
#include "net/reply.hpp"
#include "net/stream.hpp"

#include <cstddef>
#include <string>
#include <string_view>

// How the doors that hold a connection for long send. What a socket takes at
// once goes out from one buffer that all connections share; only what it does
// not take is kept for it. So a connection that keeps up costs no buffer, and
// one that does not costs at most one batch.
namespace ocw::net {

/// What a batch should hold before it is sent, in bytes; the last message may
/// reach beyond.
inline constexpr size_t batch_bytes = size_t{64} << 10;

/// Readies a connection for the functions below: no Beast timeouts, no delay
/// of small packets, never blocking.
void take_over(stream_type& stream);

/// The shared buffer, empty. It is good until the next `co_await`. I/O thread.
std::string& shared_batch();

/// Gives `bytes` to the socket as far as it takes them without waiting, and
/// returns how many that were. `error` is set when the connection is broken.
size_t send_now(socket_type& socket, std::string_view bytes,
                boost::system::error_code& error);

/// Sends all of `bytes`, which may be the shared buffer: what has to wait is
/// copied first. False when the connection is broken.
awaitable<bool> send_all(socket_type& socket, std::string_view bytes);

/// Lets the other connections have their turn.
awaitable<void> give_way(socket_type& socket);

/// True when an answer of unknown length can be sent in chunks.
bool takes_chunks(const http_request& request);

/// The head of an answer to `request`, with what its Origin is allowed to see.
std::string answer_head(door& context, const http_request& request,
                        reply_head head);

} // namespace ocw::net
