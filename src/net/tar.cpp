#include "net/tar.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstring>

namespace ocw::net {

namespace {

constexpr size_t block_bytes = 512;
constexpr uint64_t most_octal = 077777777777; // eleven digits

// The header's fields, as POSIX.1-1988 lays them out.
struct ustar_header {
  char name[100];
  char mode[8];
  char uid[8];
  char gid[8];
  char size[12];
  char mtime[12];
  char checksum[8];
  char type;
  char linkname[100];
  char magic[6];
  char version[2];
  char uname[32];
  char gname[32];
  char devmajor[8];
  char devminor[8];
  char prefix[155];
  char pad[12];
};
static_assert(sizeof(ustar_header) == block_bytes);

template <size_t N>
void put_octal(char (&field)[N], uint64_t number) {
  for (auto i = N - 1; i-- > 0; number >>= 3)
    field[i] = static_cast<char>('0' + (number & 7));
  field[N - 1] = '\0';
}

std::string block_of(const tar_entry& entry, char type) {
  auto header = ustar_header{};
  const auto length = std::min(entry.path.size(), sizeof(header.name));
  std::memcpy(header.name, entry.path.data(), length);
  put_octal(header.mode, 0644);
  put_octal(header.uid, 0);
  put_octal(header.gid, 0);
  put_octal(header.size, std::min(entry.size, most_octal));
  put_octal(header.mtime,
            static_cast<uint64_t>(std::max(entry.modified_unix_s, int64_t{0})));
  header.type = type;
  std::memcpy(header.magic, "ustar", 6);
  std::memcpy(header.version, "00", 2);
  // The sum is taken with its own field as blanks.
  std::memset(header.checksum, ' ', sizeof(header.checksum));
  auto out = std::string(block_bytes, '\0');
  std::memcpy(out.data(), &header, block_bytes);
  auto sum = 0u;
  for (const auto c : out)
    sum += static_cast<unsigned char>(c);
  std::snprintf(out.data() + offsetof(ustar_header, checksum), 8, "%06o", sum);
  out[offsetof(ustar_header, checksum) + 7] = ' ';
  return out;
}

// `<length> <key>=<value>\n`, where the length counts its own digits.
std::string pax_record(std::string_view key, std::string_view value) {
  const auto rest = key.size() + value.size() + 3;
  auto length = rest + 1;
  while (std::to_string(length).size() + rest != length)
    length = std::to_string(length).size() + rest;
  auto out = std::to_string(length);
  out += ' ';
  out += key;
  out += '=';
  out += value;
  out += '\n';
  return out;
}

} // namespace

std::string tar_header(const tar_entry& entry) {
  auto records = std::string{};
  if (entry.path.size() > sizeof(ustar_header::name))
    records += pax_record("path", entry.path);
  if (entry.size > most_octal)
    records += pax_record("size", std::to_string(entry.size));
  if (records.empty())
    return block_of(entry, '0');
  auto extra = tar_entry{"PaxHeader", records.size(), entry.modified_unix_s};
  auto out = block_of(extra, 'x');
  out += records;
  out += tar_padding(records.size());
  out += block_of(entry, '0');
  return out;
}

std::string tar_padding(uint64_t size) {
  return std::string((block_bytes - size % block_bytes) % block_bytes, '\0');
}

std::string tar_end() {
  return std::string(2 * block_bytes, '\0');
}

} // namespace ocw::net
