#include "launcher/spec.hpp"

#include "launcher/frames.hpp"
#include "launcher/texts.hpp"

#include <cstring>

namespace ocw::launcher {
namespace {

bool has_nul(const std::string& text) {
  return text.find('\0') != std::string::npos;
}

bool is_path(const std::string& text) {
  return !text.empty() && text.front() == '/' && !has_nul(text);
}

std::string_view check_spec(const wire::job_spec& spec) {
  if (spec.input > wire::stdin_mode::pipe)
    return "unknown stdin mode";
  if (spec.capture_stdout > 1 || spec.capture_stderr > 1)
    return "a capture flag is neither 0 nor 1";
  if (spec.chunk_bytes < min_chunk_bytes)
    return "chunk_bytes is too small";
  if (spec.argv_count == 0)
    return "argv is empty";
  if ((spec.mechanisms & wire::disk_tmpfs) != 0
      && (spec.mechanisms & wire::mount) == 0)
    return "a disk of its own without a root of its own";
  return {};
}

std::string_view check_texts(const job_request& request) {
  if (!is_path(request.spool_prefix))
    return "the spool prefix is not an absolute path";
  if (!is_path(request.session_dir))
    return "the session's directory is not an absolute path";
  if (!request.workspace.empty() && !is_path(request.workspace))
    return "the workspace is not an absolute path";
  if (!is_path(request.work_dir))
    return "the working directory is not an absolute path";
  if (!is_path(request.exec_path))
    return "the program is not an absolute path";
  for (const auto& word : request.argv)
    if (has_nul(word))
      return "an argument has a zero byte";
  for (const auto& pair : request.env)
    if (has_nul(pair) || pair.find('=', 1) == std::string::npos)
      return "an environment entry is not NAME=VALUE";
  return {};
}

} // namespace

std::string encode(const job_request& request) {
  auto spec = request.spec;
  spec.argv_count = static_cast<uint32_t>(request.argv.size());
  spec.env_count = static_cast<uint32_t>(request.env.size());
  spec.secret_count = static_cast<uint32_t>(request.secrets.size());
  auto payload = std::string{bytes_of(spec)};
  for (const auto* text :
       {&request.spool_prefix, &request.session_dir, &request.work_dir,
        &request.exec_path, &request.workspace})
    put_text(payload, *text);
  for (const auto* texts : {&request.argv, &request.env, &request.secrets})
    put_texts(payload, *texts);
  return payload;
}

std::string_view decode(std::string_view payload, job_request& request) {
  auto& spec = request.spec;
  if (payload.size() < sizeof(spec))
    return "shorter than a job_spec";
  std::memcpy(&spec, payload.data(), sizeof(spec));
  if (const auto wrong = check_spec(spec); !wrong.empty())
    return wrong;
  text_reader texts{payload.substr(sizeof(spec))};
  if (!texts.next(request.spool_prefix) || !texts.next(request.session_dir)
      || !texts.next(request.work_dir) || !texts.next(request.exec_path)
      || !texts.next(request.workspace)
      || !texts.next(request.argv, spec.argv_count)
      || !texts.next(request.env, spec.env_count)
      || !texts.next(request.secrets, spec.secret_count))
    return "a text goes beyond the frame";
  if (!texts.at_end())
    return "bytes after the last text";
  return check_texts(request);
}

} // namespace ocw::launcher
