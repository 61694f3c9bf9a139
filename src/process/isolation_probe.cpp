#include "process/isolation_probe.hpp"

#include "ocw/errors.hpp"
#include "process/launcher_process.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace ocw {

namespace fs = std::filesystem;

namespace {

/// A directory that is removed again with all that is in it.
class probe_directory {
public:
  explicit probe_directory(const config& settings) {
    auto failed = std::error_code{};
    // Beside the sessions' directory the way is as theirs.
    const auto& sessions = settings.session.base_dir;
    for (const auto& place :
         {fs::path{sessions}.parent_path().string(), sessions,
          settings.state_dir, fs::temp_directory_path(failed).string()})
      if (!place.empty() && fs::path{place}.is_absolute() && make_below(place))
        return;
  }
  probe_directory(const probe_directory&) = delete;
  probe_directory& operator=(const probe_directory&) = delete;
  ~probe_directory() {
    auto ignored = std::error_code{};
    if (!path_.empty())
      fs::remove_all(path_, ignored);
  }

  /// Empty when there was no place for it.
  const std::string& path() const { return path_; }

private:
  bool make_below(const std::string& place) {
    auto pattern = place + "/doctor-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr)
      return false;
    path_ = std::move(pattern);
    // As the directory of sessions: others pass through, and see no names.
    ::chmod(path_.c_str(), 0711);
    return true;
  }

  std::string path_;
};

} // namespace

caf::expected<sandbox_report> probe_isolation(const config& settings) {
  const auto program = find_launcher();
  if (!program)
    return program.error();
  const auto directory = probe_directory{settings};
  const auto& top = directory.path();
  if (top.empty())
    return make_error(ec::unavailable,
                      "no directory for a trial can be made in "
                      "or beside session.base_dir, the state dir or TMPDIR");
  auto setup = setup_for(settings, settings.state_dir, top + "/spool");
  // Groups of that name are taken for an earlier launcher's, and removed.
  setup.group_name = "opencode-worker-" + fs::path{top}.filename().string();
  setup.root.base = top + "/root";
  setup.root.sessions_dir = top + "/sessions";
  auto failed = std::error_code{};
  fs::create_directory(setup.root.spool_dir, failed);
  if (auto problem = make_setup_directories(setup))
    return problem;
  auto running = start_launcher(*program, setup);
  if (!running)
    return std::move(running.error());
  running->socket.reset();
  wait_for_launcher(running->pid);
  return std::move(running->sandbox);
}

} // namespace ocw
