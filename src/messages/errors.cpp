#include "ocw/errors.hpp"
#include "ocw/type_ids.hpp"

#include <caf/message.hpp>

#include <utility>

namespace ocw {

static_assert(enum_words<ec>.size()
              == static_cast<size_t>(ec::egress_denied) + 1);

namespace {

bool is_ours(const caf::error& err) {
  return err && err.category() == caf::type_id_v<ec>;
}

/// The two strings that `make_error` puts into every error, or null.
const std::string* text_of(const caf::error& err, size_t index) {
  if (!is_ours(err)
      || !err.context().match_elements<std::string, std::string>())
    return nullptr;
  return &err.context().get_as<std::string>(index);
}

} // namespace

caf::error make_error(ec code, std::string sentence, std::string field) {
  return {code, caf::make_message(std::move(sentence), std::move(field))};
}

std::string sentence_of(const caf::error& err) {
  const auto* sentence = text_of(err, 0);
  return sentence != nullptr ? *sentence : to_string(err);
}

std::string field_of(const caf::error& err) {
  const auto* field = text_of(err, 1);
  return field != nullptr ? *field : std::string{};
}

ec code_of(const caf::error& err) {
  if (!err)
    return ec::none;
  auto result = ec::internal;
  if (is_ours(err))
    static_cast<void>(from_integer(err.code(), result));
  return result;
}

} // namespace ocw
