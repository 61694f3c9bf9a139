#include "messages/error_json.hpp"

#include "messages/json_string.hpp"
#include "ocw/errors.hpp"
#include "ocw/ids.hpp"

namespace ocw {

std::string error_json(const caf::error& err) {
  const auto sentence = sentence_of(err);
  auto out = std::string{R"({"error":)"};
  append_json_string(out, sentence);
  out += R"(,"code":")";
  out += word_of(code_of(err));
  out += R"(","details":{"field":)";
  append_json_string(out, field_of(err));
  out += R"(,"reason":)";
  append_json_string(out, sentence);
  out += R"(},"timestamp":")";
  out += iso_time(now_unix_ms());
  out += R"("})";
  return out;
}

} // namespace ocw
