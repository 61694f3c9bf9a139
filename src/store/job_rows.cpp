#include "store/job_rows.hpp"

#include "messages/json_reader.hpp"
#include "messages/json_string.hpp"
#include "messages/log.hpp"
#include "ocw/errors.hpp"

#include <algorithm>
#include <charconv>

namespace ocw {

namespace {

constexpr uint32_t max_page = 1000;

template <class T>
caf::expected<T> read_row(std::string_view job_id, std::string_view text,
                          std::string_view what) {
  auto result = read_json<T>(text, {.ignore_unknown = true});
  if (result)
    return result;
  log::error("store.row_damaged", {job_id}, "its {} cannot be read: {}", what,
             sentence_of(result.error()));
  return make_error(ec::internal, "the stored " + std::string{what}
                                    + " of the job is damaged");
}

} // namespace

caf::expected<job_record> read_record(std::string_view job_id,
                                      std::string_view text) {
  return read_row<job_record>(job_id, text, "record");
}

caf::expected<job_request> read_request(std::string_view job_id,
                                        std::string_view text) {
  return read_row<job_request>(job_id, text, "request");
}

caf::expected<job_filter> job_filter::make(const job_query& query) {
  auto result = job_filter{};
  result.query_ = query;
  if (query.limit < 1 || query.limit > max_page)
    return make_error(ec::invalid_request, "limit must be from 1 to 1000",
                      "limit");
  if (const auto& text = query.cursor; !text.empty()) {
    const auto* const end = text.data() + text.size();
    const auto [rest, problem]
      = std::from_chars(text.data(), end, result.before_);
    if (problem != std::errc{} || rest != end || result.before_ < 1)
      return make_error(ec::invalid_request,
                        "cursor must be the next_cursor of an earlier page",
                        "cursor");
  }
  for (const auto& [key, value] : query.labels) {
    auto& pair = result.pairs_.emplace_back();
    append_json_string(pair, key);
    pair += ':';
    append_json_string(pair, value);
  }
  return result;
}

bool job_filter::may_match(std::string_view labels) const {
  return std::all_of(pairs_.begin(), pairs_.end(), [=](const auto& pair) {
    return labels.find(pair) != std::string_view::npos;
  });
}

bool job_filter::matches(const job_record& record) const {
  if (query_.status && record.status != *query_.status)
    return false;
  return std::all_of(
    query_.labels.begin(), query_.labels.end(), [&](const auto& wanted) {
      const auto found = record.labels.find(wanted.first);
      return found != record.labels.end() && found->second == wanted.second;
    });
}

} // namespace ocw
