#pragma once

#include <cstdint>
#include <string_view>

namespace ocw::bench {

/// A string in JSON text, as it stands there, and how many bytes of UTF-8 it
/// stands for.
struct json_string {
  std::string_view text;
  uint64_t bytes = 0;
};

/// Walks JSON text from left to right. Trusts it to be well-formed where that
/// cannot lead out of the text; else ends the program.
class json_cursor {
public:
  explicit json_cursor(std::string_view json)
    : at_(json.data()), end_(at_ + json.size()) {}

  /// Steps over white space and `c`, or stays where it is.
  bool accept(char c);
  void expect(char c);
  char peek();

  json_string string();
  uint64_t number();
  void skip_value();

  /// Calls `visit(key)` with the cursor at each member's value, which `visit`
  /// must step over.
  template <class Visit>
  void object(Visit visit) {
    expect('{');
    if (accept('}'))
      return;
    do {
      const auto key = string();
      expect(':');
      visit(key.text);
    } while (accept(','));
    expect('}');
  }

private:
  void skip_space();
  uint64_t skip_escape();
  const char* at_;
  const char* end_;
};

} // namespace ocw::bench
