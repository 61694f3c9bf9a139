#include "store/store_paths.hpp"

#include "ocw/errors.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace ocw {

namespace fs = std::filesystem;

caf::error make_store_directories(const store_paths& paths) {
  for (const auto& path :
       {paths.dir, paths.dir + "/spool", paths.dir + "/artifacts"}) {
    auto failed = std::error_code{};
    fs::create_directories(path, failed);
    if (!failed)
      fs::permissions(path, fs::perms::owner_all, failed);
    if (!failed && ::access(path.c_str(), R_OK | W_OK | X_OK) != 0)
      failed = std::error_code{errno, std::generic_category()};
    if (failed)
      return make_error(ec::unavailable,
                        "store.dir: '" + path
                          + "' cannot be used: " + failed.message(),
                        "store.dir");
  }
  return {};
}

} // namespace ocw
