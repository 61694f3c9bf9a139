#include "ocw/ids.hpp"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>

namespace ocw {

namespace {

/// Random bytes of one thread, fetched from the kernel in pages: a call for
/// each id would cost more than the id.
class random_pool {
public:
  uint64_t next() {
    if (used_ + sizeof(uint64_t) > bytes_.size())
      refill();
    auto result = uint64_t{0};
    std::memcpy(&result, bytes_.data() + used_, sizeof(result));
    used_ += sizeof(result);
    return result;
  }

private:
  void refill() {
    auto filled = size_t{0};
    while (filled < bytes_.size()) {
      const auto got
        = ::getrandom(bytes_.data() + filled, bytes_.size() - filled, 0);
      if (got > 0)
        filled += static_cast<size_t>(got);
      else if (errno != EINTR)
        std::terminate(); // ids that can be guessed or repeat are worse
    }
    used_ = 0;
  }

  std::array<unsigned char, 2048> bytes_{};
  size_t used_ = bytes_.size();
};

thread_local random_pool pool;

/// The time and the 12 bits after it of the newest id of this process.
std::atomic<uint64_t> newest = 0;

/// Time and counter for a new id, greater than those of every id before it.
/// Within one millisecond it counts on from a random start; a full counter
/// borrows from the next millisecond.
uint64_t next_stamp(uint64_t random) {
  const auto now = static_cast<uint64_t>(now_unix_ms()) << 12;
  const auto fresh = now | (random & 0x7FF);
  auto last = newest.load(std::memory_order_relaxed);
  auto stamp = std::max(fresh, last + 1);
  while (!newest.compare_exchange_weak(last, stamp, std::memory_order_relaxed))
    stamp = std::max(fresh, last + 1);
  return stamp;
}

void put_hex(char* to, uint64_t value, int digits) {
  constexpr auto hex = std::string_view{"0123456789abcdef"};
  for (auto i = digits - 1; i >= 0; --i, value >>= 4)
    to[i] = hex[value & 0xF];
}

void put_decimal(char* to, unsigned value, int digits) {
  for (auto i = digits - 1; i >= 0; --i, value /= 10)
    to[i] = static_cast<char>('0' + value % 10);
}

constexpr bool is_id_character(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
         || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

} // namespace

std::string make_uuid_v7() {
  const auto random = pool.next();
  const auto stamp = next_stamp(pool.next());
  auto result = std::string(36, '-');
  put_hex(result.data(), stamp >> 28, 8);
  put_hex(result.data() + 9, stamp >> 12, 4);
  put_hex(result.data() + 14, 0x7000 | (stamp & 0xFFF), 4);
  put_hex(result.data() + 19, 0x8000 | ((random >> 48) & 0x3FFF), 4);
  put_hex(result.data() + 24, random, 12);
  return result;
}

bool is_valid_job_id(std::string_view id) {
  return !id.empty() && id.size() <= 128 && id.front() != '.'
         && id.front() != '-'
         && std::all_of(id.begin(), id.end(), is_id_character);
}

int64_t now_unix_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch())
    .count();
}

std::string iso_time(int64_t unix_ms) {
  using namespace std::chrono;
  // Years 0 to 9999: what the format can say.
  unix_ms
    = std::clamp(unix_ms, int64_t{-62167219200000}, int64_t{253402300799999});
  const auto moment = sys_time<milliseconds>{milliseconds{unix_ms}};
  const auto day = floor<days>(moment);
  const auto date = year_month_day{day};
  const auto time = hh_mm_ss{moment - day};
  auto result = std::string{"0000-00-00T00:00:00.000Z"};
  auto* text = result.data();
  put_decimal(text, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  put_decimal(text + 5, static_cast<unsigned>(date.month()), 2);
  put_decimal(text + 8, static_cast<unsigned>(date.day()), 2);
  put_decimal(text + 11, static_cast<unsigned>(time.hours().count()), 2);
  put_decimal(text + 14, static_cast<unsigned>(time.minutes().count()), 2);
  put_decimal(text + 17, static_cast<unsigned>(time.seconds().count()), 2);
  put_decimal(text + 20, static_cast<unsigned>(time.subseconds().count()), 3);
  return result;
}

} // namespace ocw
