#include "launcher/wire.hpp"

#include <array>

namespace ocw::wire {
namespace {

constexpr uint32_t polynomial = 0x82f63b78; // Castagnoli, bits reversed

constexpr std::array<uint32_t, 256> make_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < table.size(); ++byte) {
    auto sum = byte;
    for (int bit = 0; bit < 8; ++bit)
      sum = (sum >> 1) ^ ((sum & 1) != 0 ? polynomial : 0);
    table[byte] = sum;
  }
  return table;
}

constexpr auto table = make_table();

} // namespace

// A cell is 28 bytes and a record 92: a table lookup per byte is enough.
uint32_t crc32c(const void* data, size_t size) {
  const auto* bytes = static_cast<const unsigned char*>(data);
  auto sum = ~uint32_t{0};
  for (size_t i = 0; i < size; ++i)
    sum = table[(sum ^ bytes[i]) & 0xff] ^ (sum >> 8);
  return ~sum;
}

} // namespace ocw::wire
