#include "app/run_request.hpp"

#include "app/request_fields.hpp"
#include "app/whole_file.hpp"
#include "messages/base64.hpp"
#include "messages/job_request.hpp"
#include "messages/json_document.hpp"
#include "messages/utf8.hpp"
#include "ocw/errors.hpp"
#include "ocw/ids.hpp"

#include <nlohmann/json.hpp>

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <tuple>

namespace ocw {

namespace {

using nlohmann::json;
using text_pair = std::pair<std::string, std::string>;

caf::error refuse(std::string_view flag, std::string_view problem) {
  return make_error(ec::invalid_request, fmt::format("--{} {}", flag, problem),
                    std::string{flag});
}

json base64_object(std::string_view bytes) {
  auto text = std::string{};
  base64_append(text, bytes);
  return {{"content_base64", std::move(text)}};
}

/// Puts flags into a request, one kind after the other. The first problem
/// wins.
class request_builder {
public:
  explicit request_builder(const request_flags& flags) : flags_(flags) {}

  caf::error fill() {
    for (const auto step :
         {&request_builder::add_base, &request_builder::add_scalars,
          &request_builder::add_program, &request_builder::add_secrets,
          &request_builder::add_files, &request_builder::add_stdin,
          &request_builder::add_metadata, &request_builder::add_lists})
      if (auto err = (this->*step)())
        return err;
    return {};
  }

  json& request() { return request_; }

private:
  caf::error add_base() {
    if (flags_.request_file.empty())
      return {};
    auto file = read_whole_file(flags_.request_file);
    if (!file)
      return std::move(file.error());
    auto document = parse_json(file->bytes);
    if (!document)
      return refuse("request", "'" + flags_.request_file
                                 + "': " + sentence_of(document.error()));
    if (!document->is_object())
      return refuse("request", "is not a JSON object");
    request_ = std::move(*document);
    return {};
  }

  caf::error add_scalars() {
    for (const auto& [name, text] : flags_.scalars) {
      const auto* field = find_scalar_field(name);
      if (field == nullptr)
        return refuse(name, "is no field of a request");
      auto value = json_value_of(field->kind, text);
      if (!value)
        return refuse(name, expected_by(field->kind));
      if (auto err = put(name, std::move(*value)))
        return err;
    }
    return {};
  }

  /// Puts a value at a dotted path.
  caf::error put(const std::string& name, json value) {
    const auto dot = name.find('.');
    auto* object = &request_;
    if (dot != std::string::npos)
      object = &request_[name.substr(0, dot)];
    if (!object->is_object() && !object->is_null())
      return refuse(name, "does not fit: the request file has something else "
                          "there");
    (*object)[dot == std::string::npos ? name : name.substr(dot + 1)]
      = std::move(value);
    return {};
  }

  caf::error add_program() {
    if (flags_.argv.empty())
      return {};
    if (request_.contains("command"))
      return make_error(ec::invalid_request,
                        "there is a command and there are words behind --; "
                        "a job has one or the other",
                        "argv");
    request_["argv"] = flags_.argv;
    return {};
  }

  caf::error add_secrets() {
    for (const auto& text : flags_.secrets) {
      auto secret = read_secret(text);
      if (!secret)
        return std::move(secret.error());
      if (auto err
          = put_below("secrets", secret->first, std::move(secret->second)))
        return err;
    }
    return {};
  }

  caf::error add_files() {
    for (const auto& text : flags_.files) {
      const auto pair = split_pair("file", text);
      if (!pair)
        return pair.error();
      auto file = read_whole_file(pair->second);
      if (!file)
        return refuse("file", text + ": " + sentence_of(file.error()));
      auto content = base64_object(file->bytes);
      content["mode"] = fmt::format("{:04o}", file->mode);
      if (auto err = put_below("files", pair->first, std::move(content)))
        return err;
    }
    return {};
  }

  caf::error add_stdin() {
    const auto& source = flags_.stdin_source;
    if (source.empty())
      return {};
    if (source != "-" && !source.starts_with('@'))
      return refuse("stdin", "must be @FILE or -");
    if (source == "-" && flags_.request_file == "-")
      return refuse("stdin", "and --request cannot both be -");
    auto file = read_whole_file(source == "-" ? source : source.substr(1));
    if (!file)
      return refuse("stdin", sentence_of(file.error()));
    request_["stdin"] = base64_object(file->bytes);
    return {};
  }

  caf::error add_metadata() {
    if (flags_.metadata.empty())
      return {};
    auto document = parse_json(flags_.metadata);
    if (!document || !document->is_object())
      return refuse("metadata", "must be a JSON object");
    request_["metadata"] = std::move(*document);
    return {};
  }

  caf::error add_lists() {
    for (const auto& [name, texts] : {std::pair{"artifacts", &flags_.artifacts},
                                      std::pair{"require", &flags_.require}})
      for (const auto& text : *texts)
        if (auto err = append_to(name, text))
          return err;
    for (const auto& [name, flag, texts] :
         {std::tuple{"env", "env", &flags_.env},
          std::tuple{"labels", "label", &flags_.labels},
          std::tuple{"constraints", "constraint", &flags_.constraints}})
      for (const auto& text : *texts) {
        const auto pair = split_pair(flag, text);
        if (!pair)
          return pair.error();
        if (auto err = put_below(name, pair->first, pair->second))
          return err;
      }
    return {};
  }

  caf::error append_to(const char* name, const std::string& text) {
    auto& list = request_[name];
    if (!list.is_array() && !list.is_null())
      return refuse(name, "is no list in the request file");
    list.push_back(text);
    return {};
  }

  caf::error put_below(const char* name, const std::string& key, json value) {
    auto& object = request_[name];
    if (!object.is_object() && !object.is_null())
      return refuse(name, "is no object in the request file");
    object[key] = std::move(value);
    return {};
  }

  const request_flags& flags_;
  json request_ = json::object();
};

/// JSON holds no other text, and the node would refuse it less clearly.
caf::error check_texts(const request_flags& flags) {
  const auto is_bad = [](const std::string& text) { return !is_utf8(text); };
  if (std::any_of(flags.argv.begin(), flags.argv.end(), is_bad))
    return make_error(ec::invalid_request,
                      "a word behind -- is not UTF-8; put it in a file and "
                      "send that with --file",
                      "argv");
  for (const auto* list : {&flags.env, &flags.files, &flags.artifacts,
                           &flags.require, &flags.labels, &flags.constraints})
    if (const auto found = std::find_if(list->begin(), list->end(), is_bad);
        found != list->end())
      return make_error(ec::invalid_request,
                        "the argument of a flag is not UTF-8");
  for (const auto& [name, text] : flags.scalars)
    if (is_bad(text))
      return refuse(name, "is not UTF-8");
  return {};
}

/// Takes the id out of a request, giving it one if it has none.
std::string take_id(json& request) {
  auto& id = request["job_id"];
  if (id.is_null() || id == "")
    id = make_uuid_v7();
  return id.is_string() ? id.get<std::string>() : std::string{};
}

} // namespace

caf::expected<text_pair> split_pair(std::string_view flag,
                                    std::string_view text) {
  const auto middle = text.find('=');
  if (middle == std::string_view::npos || middle == 0)
    return refuse(flag,
                  fmt::format("'{}' is not of the form NAME=VALUE", text));
  return text_pair{text.substr(0, middle), text.substr(middle + 1)};
}

caf::expected<text_pair> read_secret(std::string_view text) {
  const auto middle = text.find('=');
  // What stands there may be the secret itself, so it is never repeated.
  if (middle == std::string_view::npos || middle == 0
      || !text.substr(middle + 1).starts_with('@'))
    return refuse("secret",
                  "takes NAME=@FILE only: a value in the command line can be "
                  "read by every user of this machine");
  const auto path = std::string{text.substr(middle + 2)};
  auto file = read_whole_file(path);
  if (!file)
    return refuse("secret", sentence_of(file.error()));
  auto value = std::move(file->bytes);
  if (value.ends_with('\n'))
    value.pop_back();
  if (value.ends_with('\r'))
    value.pop_back();
  if (!is_utf8(value))
    return refuse("secret", "'" + path + "' is not UTF-8 text");
  return text_pair{text.substr(0, middle), std::move(value)};
}

caf::expected<built_request> build_request(const request_flags& flags,
                                           stdin_default otherwise) {
  if (auto err = check_texts(flags))
    return err;
  auto builder = request_builder{flags};
  if (auto err = builder.fill())
    return err;
  auto& request = builder.request();
  auto result = built_request{};
  result.job_id = take_id(request);
  result.has_stdin = request.contains("stdin");
  if (!result.has_stdin && otherwise == stdin_default::empty)
    request["stdin"] = "";
  else if (!result.has_stdin && otherwise == stdin_default::open)
    request["stdin"] = base64_object({});
  if (!result.has_stdin && otherwise == stdin_default::open)
    request["stdin"]["open"] = true;
  try {
    result.json = request.dump();
  } catch (const json::exception& err) {
    return make_error(ec::invalid_request,
                      std::string{"the request cannot be written: "}
                        + err.what());
  }
  if (const auto checked = parse_job_request(result.json); !checked)
    return checked.error();
  return result;
}

} // namespace ocw
