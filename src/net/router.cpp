#include "net/router.hpp"

#include <algorithm>

namespace ocw::net {

namespace {

std::string rest_of(const std::vector<std::string>& segments, size_t first) {
  auto out = std::string{};
  for (auto i = first; i < segments.size(); ++i) {
    if (i > first)
      out += '/';
    out += segments[i];
  }
  return out;
}

bool matches(std::string_view pattern, const request_target& target,
             named_values* captures) {
  const auto& segments = target.segments;
  pattern.remove_prefix(1);
  for (auto i = size_t{0}; i < segments.size(); ++i) {
    const auto slash = pattern.find('/');
    const auto part = pattern.substr(0, slash);
    const auto last = slash == std::string_view::npos;
    if (part.starts_with('{')) {
      const auto name = part.substr(1, part.size() - 2);
      const auto takes_rest = last && name == "path";
      if (segments[i].empty())
        return false;
      if (captures)
        captures->emplace_back(name,
                               takes_rest ? rest_of(segments, i) : segments[i]);
      if (takes_rest)
        return true;
    } else if (part != segments[i]) {
      return false;
    }
    if (last)
      return i + 1 == segments.size();
    pattern.remove_prefix(slash + 1);
  }
  return false;
}

void allow(std::string& allowed, std::string_view verb) {
  if (!allowed.empty())
    allowed += ", ";
  allowed += verb;
  if (verb == "GET")
    allowed += ", HEAD";
}

} // namespace

route_match find_route(std::span<const operation> table, std::string_view verb,
                       const request_target& target) {
  const auto wanted = verb == "HEAD" ? std::string_view{"GET"} : verb;
  auto out = route_match{};
  for (const auto& row : table) {
    if (!matches(row.path, target, nullptr))
      continue;
    if (row.verb == wanted) {
      out.found = &row;
      matches(row.path, target, &out.captures);
      return out;
    }
    allow(out.allowed, row.verb);
  }
  if (!out.allowed.empty())
    allow(out.allowed, "OPTIONS");
  return out;
}

std::string_view unknown_parameter(const operation& what,
                                   const named_values& query) {
  for (const auto& [name, value] : query) {
    const auto same
      = [&wanted = name](const parameter& x) { return x.name == wanted; };
    if (std::none_of(what.query.begin(), what.query.end(), same))
      return name;
  }
  return {};
}

} // namespace ocw::net
