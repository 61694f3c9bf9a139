#pragma once

#include "launcher/frames.hpp"

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace ocw::launcher {

/// Appends a text to a payload: its length, then its bytes.
inline void put_text(std::string& to, const std::string& text) {
  const auto length = static_cast<uint32_t>(text.size());
  to += bytes_of(length);
  to += text;
}

inline void put_texts(std::string& to, const std::vector<std::string>& texts) {
  for (const auto& text : texts)
    put_text(to, text);
}

/// Walks the texts of a payload; believes no length and no count.
class text_reader {
public:
  explicit text_reader(std::string_view left) : left_(left) {}

  bool next(std::string& text) {
    uint32_t length = 0;
    if (left_.size() < sizeof(length))
      return false;
    std::memcpy(&length, left_.data(), sizeof(length));
    left_.remove_prefix(sizeof(length));
    if (left_.size() < length)
      return false;
    text.assign(left_.substr(0, length));
    left_.remove_prefix(length);
    return true;
  }

  bool next(std::vector<std::string>& texts, uint32_t count) {
    texts.clear();
    // Every text takes its length at least, so a count that lies stops here.
    if (count > left_.size() / sizeof(uint32_t))
      return false;
    texts.resize(count);
    for (auto& text : texts)
      if (!next(text))
        return false;
    return true;
  }

  bool at_end() const { return left_.empty(); }

private:
  std::string_view left_;
};

} // namespace ocw::launcher
