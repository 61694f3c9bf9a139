#include "launcher/program_view.hpp"

#include "launcher/fd.hpp"
#include "launcher/mount_attributes.hpp"
#include "launcher/outcome.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>

// What a root is made to show for wire::exec_allowlist. Made once, by the
// launcher; a session copies the mounts like all others of the root.
//
//   /usr /etc /opt …         noexec: neither execve nor ld.so gets in there
//   /usr/lib /usr/local/lib  executable, because libraries are code
//   /usr/bin …               a tmpfs with a mount of each program, and the
//   links
//                            that lead to programs

namespace ocw::launcher {
namespace {

std::string real_path(const std::string& path) {
  std::array<char, PATH_MAX> real{};
  return ::realpath(path.c_str(), real.data()) != nullptr ? real.data()
                                                          : std::string{};
}

std::string parent_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

bool is_inside(const std::string& path, const std::string& top) {
  return path.compare(0, top.size() + 1, top + "/") == 0;
}

bool is_real_directory(const std::string& path) {
  struct stat what {};
  return ::lstat(path.c_str(), &what) == 0 && S_ISDIR(what.st_mode);
}

std::vector<std::string> existing(std::initializer_list<const char*> paths) {
  std::vector<std::string> result;
  for (const auto* path : paths)
    if (auto real = real_path(path);
        is_real_directory(real)
        && std::find(result.begin(), result.end(), real) == result.end())
      result.push_back(std::move(real));
  return result;
}

class program_view {
public:
  explicit program_view(const root_plan& plan)
    : plan_(plan), directories_(program_directories()) {}

  std::string build() {
    for (const auto* top : {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64",
                            "/libx32", "/etc", "/opt"})
      forbid(top);
    for (const auto& top : plan_.readonly)
      forbid(top);
    for (const auto& path : existing(
           {"/lib", "/lib32", "/lib64", "/libx32", "/usr/lib", "/usr/lib32",
            "/usr/lib64", "/usr/libx32", "/usr/local/lib", "/usr/local/lib64"}))
      keep_loadable(path);
    for (const auto& path : plan_.programs)
      keep_prefix(path);
    for (const auto& path : directories_)
      cover(path);
    for (const auto& path : plan_.programs)
      show(path);
    for (const auto& path : directories_)
      seal(path);
    return outcome_.text();
  }

private:
  bool check(bool done, const std::string& what) {
    return outcome_.check(done, what);
  }

  std::string inside(const std::string& path) const {
    return plan_.base + path;
  }

  void forbid(const std::string& top) {
    if (outcome_.good() && is_real_directory(inside(top)))
      check(restrict_mount(inside(top), attr_noexec), "noexec on " + top);
  }

  // The machine's own mount, which is not noexec, over the one that is now.
  void keep_loadable(const std::string& path) {
    if (!outcome_.good() || !is_real_directory(inside(path)))
      return;
    loadable_.push_back(path);
    check(::mount(path.c_str(), inside(path).c_str(), nullptr, MS_BIND | MS_REC,
                  nullptr)
              == 0
            && restrict_mount(inside(path), system_attributes),
          "bind " + path);
  }

  // A program that is elsewhere, such as /opt/node/bin/node, brings what stands
  // beside it.
  void keep_prefix(const std::string& program) {
    if (is_program_directory(parent_of(program)))
      return;
    auto prefix = parent_of(program);
    for (const auto* name : {"/bin", "/sbin"})
      if (prefix.size() > std::string{name}.size()
          && prefix.substr(prefix.rfind('/')) == name)
        prefix = parent_of(prefix);
    const auto is_kept
      = std::any_of(loadable_.begin(), loadable_.end(), [&](const auto& top) {
          return prefix == top || is_inside(prefix, top);
        });
    if (!is_kept && is_shown(prefix))
      keep_loadable(prefix);
  }

  bool is_shown(const std::string& path) const {
    const auto shows = [&path](const std::string& top) {
      return path == top || is_inside(path, top);
    };
    return is_inside(path, "/usr") || is_inside(path, "/opt")
           || std::any_of(plan_.readonly.begin(), plan_.readonly.end(), shows);
  }

  bool is_program_directory(const std::string& path) const {
    return std::find(directories_.begin(), directories_.end(), path)
           != directories_.end();
  }

  void cover(const std::string& path) {
    if (outcome_.good() && is_real_directory(inside(path)))
      check(::mount("tmpfs", inside(path).c_str(), "tmpfs",
                    MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=1m,mode=755")
              == 0,
            "mount a tmpfs on " + path);
  }

  void show(const std::string& path) {
    struct stat what {};
    if (!outcome_.good() || !is_program_directory(parent_of(path))
        || !is_real_directory(inside(parent_of(path)))
        || ::lstat(path.c_str(), &what) != 0)
      return;
    if (S_ISLNK(what.st_mode)) {
      std::array<char, PATH_MAX> target{};
      check(::readlink(path.c_str(), target.data(), target.size() - 1) > 0
              && ::symlink(target.data(), inside(path).c_str()) == 0,
            "link " + path);
      return;
    }
    const auto place = inside(path);
    const unique_fd made{
      ::open(place.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0444)};
    check(made
            && ::mount(path.c_str(), place.c_str(), nullptr, MS_BIND, nullptr)
                 == 0
            && restrict_mount(place, system_attributes),
          "bind " + path);
  }

  void seal(const std::string& path) {
    if (outcome_.good() && is_real_directory(inside(path)))
      check(restrict_mount(inside(path), attr_rdonly),
            "make read-only " + path);
  }

  const root_plan& plan_;
  std::vector<std::string> directories_;
  std::vector<std::string> loadable_;
  outcome outcome_;
};

} // namespace

std::vector<std::string> program_directories() {
  return existing({"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin",
                   "/sbin", "/bin", "/usr/games", "/usr/local/games",
                   "/usr/libexec", "/usr/local/libexec"});
}

std::string show_programs_only(const root_plan& plan) {
  return program_view{plan}.build();
}

} // namespace ocw::launcher
