#pragma once

#include "ocw/messages/job.hpp"
#include "ocw/messages/values.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace ocw {

class json_reader;

// Values whose JSON form is not that of their members. Each has three
// functions, which reader, writer and schema prefer to its `inspect`.

/// Bytes as base64, for the forms below.
struct base64_bytes {
  std::string bytes;
  bool operator==(const base64_bytes&) const = default;
};

/// A file's permissions: `"0755"`, or the number that is (493).
struct permission_bits {
  uint32_t bits = 0644;
  bool operator==(const permission_bits&) const = default;
};

bool read_form(json_reader& f, byte_size& x);
bool read_form(json_reader& f, mebibyte_size& x);
bool read_form(json_reader& f, timestamp& x);
bool read_form(json_reader& f, json_text& x);
bool read_form(json_reader& f, file_content& x);
bool read_form(json_reader& f, stdin_content& x);
bool read_form(json_reader& f, lossy_text& x);
bool read_form(json_reader& f, base64_bytes& x);
bool read_form(json_reader& f, permission_bits& x);

void write_form(std::string& out, const byte_size& x);
void write_form(std::string& out, const mebibyte_size& x);
void write_form(std::string& out, const timestamp& x);
void write_form(std::string& out, const json_text& x);
void write_form(std::string& out, const file_content& x);
void write_form(std::string& out, const stdin_content& x);
void write_form(std::string& out, const lossy_text& x);
void write_form(std::string& out, const base64_bytes& x);
void write_form(std::string& out, const permission_bits& x);

// The pointer only chooses the overload; it is not followed.
nlohmann::ordered_json schema_form(const byte_size*);
nlohmann::ordered_json schema_form(const mebibyte_size*);
nlohmann::ordered_json schema_form(const timestamp*);
nlohmann::ordered_json schema_form(const json_text*);
nlohmann::ordered_json schema_form(const file_content*);
nlohmann::ordered_json schema_form(const stdin_content*);
nlohmann::ordered_json schema_form(const lossy_text*);
nlohmann::ordered_json schema_form(const base64_bytes*);
nlohmann::ordered_json schema_form(const permission_bits*);

template <class T>
concept has_json_form = requires(json_reader& f, T& x) {
  read_form(f, x);
};

/// Other names that the fields of `T` go by in what is read: {alias, name}.
template <class T>
inline constexpr auto json_aliases
  = std::array<std::pair<std::string_view, std::string_view>, 0>{};

template <>
inline constexpr auto json_aliases<job_request> = std::array<
  std::pair<std::string_view, std::string_view>, 1>{
  {{"stream_config", "stream"}}};

/// The bytes that `"2GB"`, `"512mb"`, `"1.5GiB"` or `"100B"` mean; a number
/// without a unit counts `bare_unit` bytes each. Multiples are binary.
/// nullopt for anything else, and for more than 8 EiB.
std::optional<uint64_t> parse_size(std::string_view text, uint64_t bare_unit);

/// The moment that `2026-01-19T21:30:00.123Z` names, in milliseconds since the
/// Unix epoch; the fraction may be left out.
std::optional<int64_t> parse_iso_time(std::string_view text);

} // namespace ocw
