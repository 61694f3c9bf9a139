#include "app/settings.hpp"

#include <algorithm>
#include <cctype>

namespace ocw {

const setting* find_setting(std::string_view key) {
  const auto table = all_settings();
  const auto found = std::find_if(table.begin(), table.end(),
                                  [=](const auto& s) { return s.key == key; });
  return found == table.end() ? nullptr : &*found;
}

std::string environment_name(std::string_view key) {
  auto result = std::string{"OPENCODE_WORKER_"};
  for (const auto c : key)
    result
      += c == '.'
           ? '_'
           : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return result;
}

nlohmann::ordered_json settings_as_json(const config& values) {
  auto result = nlohmann::ordered_json::object();
  for (const auto& row : all_settings()) {
    const auto dot = row.key.find('.');
    const auto section = std::string{row.key.substr(0, dot)};
    if (dot == std::string_view::npos)
      result[section] = row.to_json(values);
    else
      result[section][std::string{row.key.substr(dot + 1)}]
        = row.to_json(values);
  }
  return result;
}

reload_plan plan_reload(const config& running, const config& fresh) {
  auto result = reload_plan{};
  for (const auto& row : all_settings())
    if (row.to_json(running) != row.to_json(fresh))
      (row.live ? result.live : result.restart).emplace_back(row.key);
  return result;
}

void apply_live(config& running, const config& fresh) {
  for (const auto& row : all_settings())
    if (row.live)
      row.copy(running, fresh);
}

} // namespace ocw
