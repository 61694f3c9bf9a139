#include "process/workspace.hpp"

#include "ocw/errors.hpp"

#include <filesystem>

namespace ocw {

namespace fs = std::filesystem;

caf::expected<std::string> resolve_workspace(const std::string& path,
                                             const session_config& settings) {
  auto failed = std::error_code{};
  const auto real = fs::canonical(path, failed);
  for (const auto& root : settings.workspace_roots) {
    auto ignored = std::error_code{};
    const auto allowed = fs::canonical(root, ignored);
    const auto below = fs::relative(real, allowed, ignored).string();
    if (!failed && !ignored && below != "." && !below.empty()
        && !below.starts_with(".."))
      return fs::is_directory(real, ignored)
               ? caf::expected<std::string>{real.string()}
               : make_error(ec::invalid_request,
                            "the workspace '" + path + "' is not a directory",
                            "workspace");
  }
  return make_error(ec::invalid_request,
                    "the workspace '" + path
                      + "' is not below one of session.workspace_roots",
                    "workspace");
}

} // namespace ocw
