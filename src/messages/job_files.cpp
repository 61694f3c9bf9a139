#include "messages/job_request.hpp"

#include "messages/json_document.hpp"
#include "messages/utf8.hpp"
#include "ocw/errors.hpp"

#include <utility>

namespace ocw {

namespace {

caf::error refuse(const std::string& path, std::string_view problem) {
  auto field = std::string{"files"};
  append_path_key(field, path);
  auto sentence = field;
  sentence.append(" ").append(problem);
  return make_error(ec::invalid_request, std::move(sentence), std::move(field));
}

std::string_view problem_with_name(std::string_view name) {
  if (name.empty())
    return "has an empty part";
  if (name == "..")
    return "leaves the work directory";
  if (name == ".")
    return "has a part that is only a dot";
  if (name.size() > max_name_bytes)
    return "has a part of more than 255 bytes";
  return {};
}

/// The file among `files` that `path` would need as a directory; empty if none.
std::string_view blocking_file(const std::map<std::string, file_content>& files,
                               const std::string& path) {
  for (auto at = path.find('/'); at != std::string::npos;
       at = path.find('/', at + 1))
    if (const auto found = files.find(path.substr(0, at)); found != files.end())
      return found->first;
  return {};
}

} // namespace

std::string_view problem_with_path(std::string_view path) {
  if (path.empty())
    return "is empty";
  if (path.size() > max_path_bytes)
    return "is longer than 4096 bytes";
  if (path.front() == '/')
    return "is not a relative path";
  if (path.find('\0') != std::string_view::npos)
    return "has a NUL byte";
  if (!is_utf8(path))
    return "is not valid UTF-8";
  for (auto rest = path;;) {
    const auto end = rest.find('/');
    if (const auto problem = problem_with_name(rest.substr(0, end));
        !problem.empty())
      return problem;
    if (end == std::string_view::npos)
      return {};
    rest.remove_prefix(end + 1);
  }
}

caf::error check_files(const job_request& request) {
  if (request.files.size() > max_files)
    return make_error(ec::invalid_request,
                      "files has " + std::to_string(request.files.size())
                        + " entries, over " + std::to_string(max_files),
                      "files");
  for (const auto& [path, content] : request.files) {
    if (const auto problem = problem_with_path(path); !problem.empty())
      return refuse(path, problem);
    if (content.mode > 0777)
      return refuse(path, "has a mode over 0777");
    if (const auto file = blocking_file(request.files, path); !file.empty())
      return refuse(path, "is below " + std::string{file}
                            + ", which is a file itself");
  }
  return {};
}

} // namespace ocw
