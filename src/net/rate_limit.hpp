#pragma once

#include "ocw/config.hpp"

#include <chrono>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

namespace ocw::net {

/// True for `localhost` and the addresses 127.0.0.0/8 and ::1.
bool is_loopback_host(std::string_view host);

/// The limit in force: `api.rate_limit_rpm` with its -1 resolved. 0 = off.
uint64_t effective_rpm(const api_config& settings);

/// Under which key an address is counted: itself, or the first 64 bits of an
/// IPv6 address, since one host usually has all the rest.
std::string rate_key(std::string_view address);

/// Token buckets, one per key, each holding a minute's worth. Keeps at most
/// `capacity` of them; the one that was idle longest makes room.
class rate_limiter {
public:
  using time_point = std::chrono::steady_clock::time_point;

  explicit rate_limiter(size_t capacity = 10000) : capacity_(capacity) {}

  /// Takes one token. 0 = it was there; else the seconds, rounded up, until
  /// there is one. `rpm` 0 lets everyone pass.
  uint32_t take(std::string_view key, uint64_t rpm, time_point now);

  size_t size() const { return buckets_.size(); }

private:
  struct bucket {
    std::string key;
    double tokens;
    time_point filled;
  };
  using bucket_list = std::list<bucket>;

  bucket& find_or_add(std::string_view key, double full, time_point now);

  size_t capacity_;
  bucket_list buckets_; // the latest used is first
  std::unordered_map<std::string_view, bucket_list::iterator> index_;
};

} // namespace ocw::net
