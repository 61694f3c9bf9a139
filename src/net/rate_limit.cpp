#include "net/rate_limit.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace ocw::net {

bool is_loopback_host(std::string_view host) {
  if (host == "localhost")
    return true;
  const auto text = std::string{host};
  auto v4 = in_addr{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1)
    return (ntohl(v4.s_addr) >> 24) == 127;
  auto v6 = in6_addr{};
  return inet_pton(AF_INET6, text.c_str(), &v6) == 1
         && std::memcmp(&v6, &in6addr_loopback, sizeof(v6)) == 0;
}

uint64_t effective_rpm(const api_config& settings) {
  if (settings.rate_limit_rpm >= 0)
    return static_cast<uint64_t>(settings.rate_limit_rpm);
  return is_loopback_host(settings.host) ? 0 : 1000;
}

std::string rate_key(std::string_view address) {
  auto text = std::string{address};
  auto v6 = in6_addr{};
  if (inet_pton(AF_INET6, text.c_str(), &v6) != 1)
    return text;
  std::memset(v6.s6_addr + 8, 0, 8);
  char network[INET6_ADDRSTRLEN] = {};
  inet_ntop(AF_INET6, &v6, network, sizeof(network));
  return network;
}

uint32_t rate_limiter::take(std::string_view key, uint64_t rpm,
                            time_point now) {
  if (rpm == 0)
    return 0;
  const auto full = static_cast<double>(rpm);
  const auto per_second = full / 60;
  auto& mine = find_or_add(key, full, now);
  const auto passed = std::chrono::duration<double>(now - mine.filled).count();
  mine.tokens
    = std::min(full, mine.tokens + std::max(0.0, passed) * per_second);
  mine.filled = now;
  if (mine.tokens >= 1) {
    mine.tokens -= 1;
    return 0;
  }
  return static_cast<uint32_t>(std::ceil((1 - mine.tokens) / per_second));
}

rate_limiter::bucket& rate_limiter::find_or_add(std::string_view key,
                                                double full, time_point now) {
  if (const auto known = index_.find(key); known != index_.end()) {
    buckets_.splice(buckets_.begin(), buckets_, known->second);
    return *known->second;
  }
  if (buckets_.size() >= capacity_) {
    index_.erase(buckets_.back().key);
    buckets_.pop_back();
  }
  buckets_.push_front({std::string{key}, full, now});
  index_.emplace(buckets_.front().key, buckets_.begin());
  return buckets_.front();
}

} // namespace ocw::net
