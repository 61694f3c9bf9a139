#pragma once

#include <cstdint>
#include <string>

namespace ocw {

// Values whose JSON form differs from their C++ form. On CAF's wire they are
// the plain member; src/messages/json_values.hpp says how each is written in
// JSON.

/// A number of bytes. JSON: `"2GB"`, `"512MB"`, `"1.5GiB"` (binary multiples),
/// or a number, whose unit the field's name gives.
struct byte_size {
  uint64_t bytes = 0;
  bool operator==(const byte_size&) const = default;
};

/// A number of bytes whose bare JSON number means MB (MiB), as the request's
/// `limits.memory` does.
struct mebibyte_size {
  uint64_t bytes = 0;
  bool operator==(const mebibyte_size&) const = default;
};

/// A moment, in milliseconds since the Unix epoch; 0 means "not yet" and is
/// `null` in JSON. JSON: `"2026-01-19T21:30:00.123Z"`.
struct timestamp {
  int64_t unix_ms = 0;
  bool operator==(const timestamp&) const = default;
};

/// A JSON object of the user's own, kept as its compact text.
struct json_text {
  std::string text = "{}";
  bool operator==(const json_text&) const = default;
};

/// A file to be written. JSON: a string (its text), or
/// `{"content_base64": …, "mode": "0755"}`.
struct file_content {
  std::string bytes;
  uint32_t mode = 0644; ///< permission bits, at most 0777
  bool operator==(const file_content&) const = default;
};

/// What a job reads on its standard input. JSON: a string, or
/// `{"content_base64": …, "open": true}`.
struct stdin_content {
  std::string bytes;
  bool open = false; ///< stays open for `POST …/stdin` after `bytes`
  bool operator==(const stdin_content&) const = default;
};

/// Bytes that may be any: in JSON, text if they are valid UTF-8 with the
/// invalid parts replaced by U+FFFD. Exact bytes are served elsewhere.
struct lossy_text {
  std::string bytes;
  bool operator==(const lossy_text&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, byte_size& x) {
  return f.object(x).fields(f.field("bytes", x.bytes));
}
template <class Inspector>
bool inspect(Inspector& f, mebibyte_size& x) {
  return f.object(x).fields(f.field("bytes", x.bytes));
}
template <class Inspector>
bool inspect(Inspector& f, timestamp& x) {
  return f.object(x).fields(f.field("unix_ms", x.unix_ms));
}
template <class Inspector>
bool inspect(Inspector& f, json_text& x) {
  return f.object(x).fields(f.field("text", x.text));
}
template <class Inspector>
bool inspect(Inspector& f, file_content& x) {
  return f.object(x).fields(f.field("bytes", x.bytes), f.field("mode", x.mode));
}
template <class Inspector>
bool inspect(Inspector& f, stdin_content& x) {
  return f.object(x).fields(f.field("bytes", x.bytes), f.field("open", x.open));
}
template <class Inspector>
bool inspect(Inspector& f, lossy_text& x) {
  return f.object(x).fields(f.field("bytes", x.bytes));
}

} // namespace ocw
