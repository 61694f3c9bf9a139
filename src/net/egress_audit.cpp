#include "net/egress_audit.hpp"

namespace ocw::net {

namespace {

constexpr uint64_t lines_per_minute = 20;

} // namespace

egress_audit::~egress_audit() {
  if (left_out_ > 0)
    log::warn("egress.refused", about(), "{} more connections were refused",
              left_out_);
}

void egress_audit::opened(const egress_target& to) {
  ++counters_.opened;
  log::debug("egress.opened", about(), "connected to {}", to.text());
}

void egress_audit::refused(const egress_target& to, std::string_view why) {
  ++counters_.refused;
  const auto now = rate_limiter::time_point::clock::now();
  if (lines_.take({}, lines_per_minute, now) > 0) {
    ++left_out_;
    return;
  }
  log::warn(
    "egress.refused", about(), "no connection to {}: {}{}", to.text(), why,
    left_out_ == 0 ? std::string{}
                   : fmt::format("; {} more were refused before", left_out_));
  left_out_ = 0;
}

void egress_audit::failed(const egress_target& to, std::string_view why) {
  log::debug("egress.failed", about(), "no connection to {}: {}", to.text(),
             why);
}

} // namespace ocw::net
