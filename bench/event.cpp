#include "event.hpp"

#include "common.hpp"
#include "json_cursor.hpp"

namespace ocw::bench {

namespace {

uint64_t base64_bytes(std::string_view text) {
  auto bytes = text.size() / 4 * 3;
  if (text.ends_with("=="))
    bytes -= 2;
  else if (text.ends_with('='))
    bytes -= 1;
  return bytes;
}

void parse_data(json_cursor& at, event_view& event) {
  if (at.peek() != '{')
    return at.skip_value();
  auto chunk = json_string{};
  at.object([&](std::string_view key) {
    if (key == "chunk")
      chunk = at.string();
    else if (key == "stream")
      event.stream = at.string().text;
    else if (key == "offset")
      event.offset = at.number();
    else if (key == "encoding")
      event.is_base64 = at.string().text == "base64";
    else if (key == "stdout_length")
      event.stdout_length = at.number();
    else if (key == "stderr_length")
      event.stderr_length = at.number();
    else
      at.skip_value();
  });
  event.chunk = chunk.text;
  event.bytes = event.is_base64 ? base64_bytes(chunk.text) : chunk.bytes;
}

unsigned base64_value(char c) {
  if (c >= 'A' && c <= 'Z')
    return static_cast<unsigned>(c - 'A');
  if (c >= 'a' && c <= 'z')
    return static_cast<unsigned>(c - 'a') + 26;
  if (c >= '0' && c <= '9')
    return static_cast<unsigned>(c - '0') + 52;
  return c == '+' ? 62 : 63;
}

std::string decode_base64(std::string_view text) {
  auto result = std::string{};
  auto bits = 0u;
  auto count = 0;
  for (auto c : text) {
    if (c == '=')
      break;
    bits = bits << 6 | base64_value(c);
    count += 6;
    if (count < 8)
      continue;
    count -= 8;
    result += static_cast<char>(bits >> count & 0xff);
  }
  return result;
}

char short_escape(char c) {
  switch (c) {
  case 'n':
    return '\n';
  case 't':
    return '\t';
  case 'r':
    return '\r';
  case 'b':
    return '\b';
  case 'f':
    return '\f';
  default:
    return c;
  }
}

} // namespace

event_view parse_event(std::string_view json) {
  auto event = event_view{};
  auto at = json_cursor{json};
  at.object([&](std::string_view key) {
    if (key == "type")
      event.type = at.string().text;
    else if (key == "job_id")
      event.job_id = at.string().text;
    else if (key == "seq")
      event.seq = at.number();
    else if (key == "data")
      parse_data(at, event);
    else
      at.skip_value();
  });
  return event;
}

std::string decode_chunk(const event_view& event) {
  if (event.is_base64)
    return decode_base64(event.chunk);
  auto result = std::string{};
  const auto& text = event.chunk;
  for (auto i = size_t{0}; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      result += text[i];
    } else if (text[++i] == 'u') {
      fail("an escape that a producer of this suite does not write");
    } else {
      result += short_escape(text[i]);
    }
  }
  return result;
}

} // namespace ocw::bench
