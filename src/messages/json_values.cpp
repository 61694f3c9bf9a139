#include "messages/json_values.hpp"

#include "messages/base64.hpp"
#include "messages/json_reader.hpp"
#include "messages/json_schema.hpp"
#include "messages/json_string.hpp"
#include "messages/json_writer.hpp"
#include "messages/utf8.hpp"
#include "ocw/ids.hpp"

#include <charconv>
#include <cmath>

namespace ocw {

namespace {

using nlohmann::ordered_json;

constexpr auto mebibyte = uint64_t{1} << 20;

/// The object form of `file_content`.
struct encoded_file {
  base64_bytes content;
  permission_bits mode;
};

template <class Inspector>
bool inspect(Inspector& f, encoded_file& x) {
  return f.object(x).fields(
    f.field("content_base64", x.content),
    f.field("mode", x.mode).fallback(permission_bits{}));
}

/// The object form of `stdin_content`.
struct encoded_stdin {
  base64_bytes content;
  bool open = false;
};

template <class Inspector>
bool inspect(Inspector& f, encoded_stdin& x) {
  return f.object(x).fields(
    f.field("content_base64", x.content).fallback(base64_bytes{}),
    f.field("open", x.open).fallback(false));
}

/// Reads a size: a string with a unit, or a number of `unit` bytes each.
bool read_size(json_reader& f, uint64_t unit, uint64_t& bytes) {
  const auto& value = f.value();
  auto parsed = std::optional<uint64_t>{};
  if (value.is_string())
    parsed = parse_size(value.get_ref<const std::string&>(), unit);
  else if (value.is_number())
    parsed = parse_size(value.dump(), unit); // "-1" and "1e+30" are refused
  if (!parsed)
    return f.refuse(unit == 1 ? "a size such as \"512MB\" or a number of bytes"
                              : "a size such as \"512MB\" or a number of MB");
  bytes = *parsed;
  return true;
}

ordered_json schema_of_size(std::string_view unit) {
  return {{"oneOf",
           {{{"type", "string"},
             {"pattern", "^[0-9]+(\\.[0-9]+)?([kKmMgGtT]([iI]?[bB])?|[bB])?$"}},
            {{"type", "number"}, {"minimum", 0}}}},
          {"description", "a size such as \"512MB\" or \"1.5GiB\" (binary "
                          "multiples), or a number of "
                            + std::string{unit}}};
}

std::optional<uint32_t> parse_mode(std::string_view text) {
  if (text.starts_with("0o"))
    text.remove_prefix(2);
  auto bits = uint32_t{0};
  const auto* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, bits, 8);
  if (parsed.ec != std::errc{} || parsed.ptr != end || text.size() > 4)
    return std::nullopt;
  return bits;
}

} // namespace

// -- sizes --------------------------------------------------------------------

bool read_form(json_reader& f, byte_size& x) {
  return read_size(f, 1, x.bytes);
}

bool read_form(json_reader& f, mebibyte_size& x) {
  return read_size(f, mebibyte, x.bytes);
}

void write_form(std::string& out, const byte_size& x) {
  write_json(out, x.bytes);
}

void write_form(std::string& out, const mebibyte_size& x) {
  const auto even = x.bytes % mebibyte == 0;
  out += '"';
  write_json(out, even ? x.bytes / mebibyte : x.bytes);
  out += even ? "MB\"" : "B\"";
}

ordered_json schema_form(const byte_size*) {
  return schema_of_size("bytes");
}

ordered_json schema_form(const mebibyte_size*) {
  return schema_of_size("MB");
}

// -- moments ------------------------------------------------------------------

bool read_form(json_reader& f, timestamp& x) {
  x.unix_ms = 0;
  if (f.value().is_null())
    return true;
  const auto* text = f.value().get_ptr<const std::string*>();
  const auto parsed = text != nullptr ? parse_iso_time(*text) : std::nullopt;
  if (!parsed)
    return f.refuse("a moment such as \"2026-01-19T21:30:00.123Z\", or null");
  x.unix_ms = *parsed;
  return true;
}

void write_form(std::string& out, const timestamp& x) {
  if (x.unix_ms == 0) {
    out += "null";
    return;
  }
  out += '"';
  out += iso_time(x.unix_ms);
  out += '"';
}

ordered_json schema_form(const timestamp*) {
  return {{"type", {"string", "null"}}, {"format", "date-time"}};
}

// -- texts --------------------------------------------------------------------

bool read_form(json_reader& f, json_text& x) {
  if (!f.value().is_object())
    return f.refuse("an object");
  x.text = f.value().dump();
  return true;
}

void write_form(std::string& out, const json_text& x) {
  out += x.text.empty() ? std::string_view{"{}"} : std::string_view{x.text};
}

ordered_json schema_form(const json_text*) {
  return {{"type", "object"}};
}

bool read_form(json_reader& f, lossy_text& x) {
  return f.read(x.bytes);
}

void write_form(std::string& out, const lossy_text& x) {
  append_json_string(out, x.bytes);
}

ordered_json schema_form(const lossy_text*) {
  return {{"type", "string"}};
}

// -- bytes --------------------------------------------------------------------

bool read_form(json_reader& f, base64_bytes& x) {
  const auto* text = f.value().get_ptr<const std::string*>();
  x.bytes.clear();
  return (text != nullptr && base64_decode(x.bytes, *text))
         || f.refuse("base64 with padding and without line breaks");
}

void write_form(std::string& out, const base64_bytes& x) {
  out += '"';
  base64_append(out, x.bytes);
  out += '"';
}

ordered_json schema_form(const base64_bytes*) {
  return {{"type", "string"}, {"contentEncoding", "base64"}};
}

bool read_form(json_reader& f, permission_bits& x) {
  const auto& value = f.value();
  auto parsed = std::optional<uint32_t>{};
  if (value.is_string())
    parsed = parse_mode(value.get_ref<const std::string&>());
  else if (value.is_number_unsigned() && value.get<uint64_t>() <= 0777)
    parsed = value.get<uint32_t>();
  if (!parsed || *parsed > 0777)
    return f.refuse("permission bits from \"0000\" to \"0777\"");
  x.bits = *parsed;
  return true;
}

void write_form(std::string& out, const permission_bits& x) {
  out += "\"0";
  for (auto shift = 6; shift >= 0; shift -= 3)
    out += static_cast<char>('0' + ((x.bits >> shift) & 7));
  out += '"';
}

ordered_json schema_form(const permission_bits*) {
  return {{"oneOf",
           {{{"type", "string"}, {"pattern", "^(0o)?[0-7]{1,4}$"}},
            {{"type", "integer"}, {"minimum", 0}, {"maximum", 0777}}}}};
}

// -- contents -----------------------------------------------------------------

bool read_form(json_reader& f, file_content& x) {
  if (f.value().is_string()) {
    x.mode = permission_bits{}.bits;
    return f.read(x.bytes);
  }
  if (!f.value().is_object())
    return f.refuse("a string or an object with content_base64");
  auto encoded = encoded_file{};
  if (!f.read(encoded))
    return false;
  x.bytes = std::move(encoded.content.bytes);
  x.mode = encoded.mode.bits;
  return true;
}

void write_form(std::string& out, const file_content& x) {
  if (x.mode == permission_bits{}.bits && append_json_text(out, x.bytes))
    return;
  out += "{\"content_base64\":\"";
  base64_append(out, x.bytes);
  out += "\",\"mode\":";
  write_form(out, permission_bits{x.mode});
  out += '}';
}

ordered_json schema_form(const file_content*) {
  return {{"oneOf", {{{"type", "string"}}, schema_of<encoded_file>()}}};
}

bool read_form(json_reader& f, stdin_content& x) {
  if (f.value().is_string()) {
    x.open = false;
    return f.read(x.bytes);
  }
  if (!f.value().is_object())
    return f.refuse("a string or an object with content_base64");
  auto encoded = encoded_stdin{};
  if (!f.read(encoded))
    return false;
  x.bytes = std::move(encoded.content.bytes);
  x.open = encoded.open;
  return true;
}

void write_form(std::string& out, const stdin_content& x) {
  if (!x.open && append_json_text(out, x.bytes))
    return;
  out += "{\"content_base64\":\"";
  base64_append(out, x.bytes);
  out += x.open ? "\",\"open\":true}" : "\"}";
}

ordered_json schema_form(const stdin_content*) {
  return {{"oneOf", {{{"type", "string"}}, schema_of<encoded_stdin>()}}};
}

} // namespace ocw
