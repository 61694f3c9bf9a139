#include "app/sse_reader.hpp"

namespace ocw {

bool sse_reader::feed(std::string_view piece, const event_function& each) {
  while (!piece.empty()) {
    const auto end = piece.find('\n');
    if (end == std::string_view::npos) {
      pending_ += piece;
      return true;
    }
    auto line = piece.substr(0, end);
    piece.remove_prefix(end + 1);
    if (!pending_.empty()) {
      pending_ += line;
      line = pending_;
    }
    if (line.ends_with('\r'))
      line.remove_suffix(1);
    const auto more = take_line(line, each);
    pending_.clear();
    if (!more)
      return false;
  }
  return true;
}

bool sse_reader::take_line(std::string_view line, const event_function& each) {
  if (line.empty()) {
    const auto complete = has_data_;
    const auto more = !complete || each(event_);
    event_.type.clear();
    event_.data.clear();
    has_data_ = false;
    return more;
  }
  if (line.front() == ':')
    return true;
  const auto colon = line.find(':');
  auto value = colon == std::string_view::npos ? std::string_view{}
                                               : line.substr(colon + 1);
  if (value.starts_with(' '))
    value.remove_prefix(1);
  take_field(line.substr(0, colon), value);
  return true;
}

void sse_reader::take_field(std::string_view name, std::string_view value) {
  if (name == "id") {
    event_.id = value;
  } else if (name == "event") {
    event_.type = value;
  } else if (name == "data") {
    if (has_data_)
      event_.data += '\n';
    event_.data += value;
    has_data_ = true;
  }
}

} // namespace ocw
