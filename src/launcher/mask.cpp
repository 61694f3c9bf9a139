#include "launcher/mask.hpp"

#include <algorithm>

namespace ocw::launcher {

masker::masker(std::vector<std::string> secrets)
  : secrets_(std::move(secrets)) {
  std::erase_if(secrets_, [](const auto& secret) { return secret.empty(); });
  for (const auto& secret : secrets_)
    starts_[static_cast<unsigned char>(secret.front())] = true;
}

void masker::feed(std::string_view in, std::string& out) {
  held_ += in;
  scan(false, out);
}

void masker::finish(std::string& out) {
  scan(true, out);
}

masker::match masker::match_at(size_t at, bool last) const {
  const auto rest = std::string_view{held_}.substr(at);
  match found;
  for (const auto& secret : secrets_) {
    if (rest.starts_with(secret))
      found.length = std::max(found.length, secret.size());
    else if (!last && secret.size() > rest.size() && secret.starts_with(rest))
      found.undecided = true;
  }
  return found;
}

// The first byte from `at` on that could begin a secret.
size_t masker::plain_end(size_t at) const {
  while (at < held_.size() && !starts_[static_cast<unsigned char>(held_[at])])
    ++at;
  return at;
}

void masker::scan(bool last, std::string& out) {
  size_t at = 0;
  while (at < held_.size()) {
    if (covered_ == 0) {
      const auto end = plain_end(at);
      out.append(held_, at, end - at);
      at = end;
      if (at == held_.size())
        break;
    }
    const auto found = match_at(at, last);
    if (found.undecided)
      break;
    if (found.length > 0 && covered_ == 0)
      out += "***";
    covered_ = std::max(covered_, found.length);
    if (covered_ > 0)
      --covered_;
    else
      out.push_back(held_[at]);
    ++at;
  }
  held_.erase(0, at);
}

} // namespace ocw::launcher
