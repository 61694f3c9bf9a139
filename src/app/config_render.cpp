#include "app/config_loader.hpp"
#include "app/settings.hpp"
#include "app/table.hpp"
#include "messages/utf8.hpp"

// What `opencode-worker config` prints.

namespace ocw {

namespace {

constexpr auto widest_value = size_t{40};

/// The value in a table: texts without quotes, long ones cut.
std::string shown(const nlohmann::ordered_json& value) {
  auto text = value.is_string() && !value.get_ref<const std::string&>().empty()
                ? value.get<std::string>()
                : value.dump();
  if (text.size() <= widest_value)
    return text;
  auto end = widest_value - 1;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
    --end;
  return text.substr(0, end) + "…";
}

} // namespace

std::string render_config(const loaded_config& loaded, bool as_json) {
  if (as_json) {
    const auto document = nlohmann::ordered_json{
      {"values", settings_as_json(loaded.values)},
      {"origins", loaded.origins},
      {"file", loaded.file.empty() ? nlohmann::ordered_json{}
                                   : nlohmann::ordered_json(loaded.file)}};
    return document.dump(2) + "\n";
  }
  auto rows = table{{"SETTING", "VALUE", "FROM"}};
  for (const auto& row : all_settings()) {
    const auto key = std::string{row.key};
    rows.add({key, shown(row.to_json(loaded.values)), loaded.origins.at(key)});
  }
  return rows.text(false);
}

} // namespace ocw
