#include "latency.hpp"

namespace ocw::bench {

void line_latency::add(std::string_view bytes, int64_t now) {
  for (;;) {
    const auto end = bytes.find('\n');
    partial_ += bytes.substr(0, end);
    if (end == std::string_view::npos)
      return;
    bytes.remove_prefix(end + 1);
    const auto written = parse_number(partial_, "a timestamp");
    partial_.clear();
    if (++lines_ > ignored)
      delays_.add(now - static_cast<int64_t>(written));
  }
}

} // namespace ocw::bench
