#include "launcher/private_root.hpp"

#include "launcher/fd.hpp"
#include "launcher/identity.hpp"
#include "launcher/mount_attributes.hpp"
#include "launcher/outcome.hpp"
#include "launcher/program_view.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <linux/capability.h>

// The root all sessions start from is built once, by the launcher, which then
// lives in it. A session copies its few mounts instead of the machine's many,
// and adds its own; see session_mounts.cpp.
//
//   /            tmpfs, read-only in the end
//   /usr /etc /opt, /bin … (links where the machine has links)   read-only
//   /etc/passwd  names for the two ids a job can see
//   /dev         null zero full random urandom tty, pts, shm → /tmp
//   /proc        the machine's, for the shims; a session mounts its own over it
//   /.ocw        sessions, spool, workspace roots, a place for a session's
//                disk; unmounted in a session

namespace ocw::launcher {
namespace {

bool make_directories(const std::string& path) {
  for (auto at = path.find('/', 1);; at = path.find('/', at + 1)) {
    if (::mkdir(path.substr(0, at).c_str(), 0755) != 0 && errno != EEXIST)
      return false;
    if (at == std::string::npos)
      return true;
  }
}

bool write_file(const std::string& path, const std::string& text, int flags) {
  const unique_fd file{
    ::open(path.c_str(), flags | O_WRONLY | O_CLOEXEC, 0444)};
  return file
         && ::write(file.get(), text.data(), text.size())
              == static_cast<ssize_t>(text.size());
}

class root_builder {
public:
  explicit root_builder(const root_plan& plan)
    : plan_(plan), root_(plan.base) {}

  /// Returns what failed, or an empty text.
  std::string build() {
    begin();
    for (const auto* name : {"/usr", "/bin", "/sbin", "/lib", "/lib32",
                             "/lib64", "/libx32", "/etc", "/opt"})
      show_system(name);
    for (const auto& path : plan_.readonly)
      if (!is_in_tmp(path))
        show(path, path, system_attributes);
    if (outcome_.good() && !plan_.programs.empty())
      outcome_.take(show_programs_only(plan_));
    for (const auto& path : plan_.hidden)
      hide(path);
    make_own_places();
    make_devices();
    show_names();
    show("/proc", "/proc", 0);
    finish();
    return outcome_.text();
  }

private:
  bool check(bool done, const std::string& what) {
    return outcome_.check(done, what);
  }

  void begin() {
    check(::unshare(CLONE_NEWNS) == 0, "unshare(CLONE_NEWNS)")
      && check(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr)
                 == 0,
               "make mounts private")
      && check(
        ::mount("tmpfs", root_.c_str(), "tmpfs", MS_NOSUID, "size=1m,mode=755")
          == 0,
        "mount a tmpfs on " + root_);
  }

  void show_system(const std::string& path) {
    struct stat what {};
    if (!outcome_.good() || ::lstat(path.c_str(), &what) != 0)
      return;
    if (S_ISDIR(what.st_mode))
      return show(path, path, system_attributes);
    std::array<char, PATH_MAX> target{};
    if (S_ISLNK(what.st_mode)
        && ::readlink(path.c_str(), target.data(), target.size() - 1) > 0)
      check(::symlink(target.data(), (root_ + path).c_str()) == 0,
            "link " + path);
  }

  // A directory or file of the machine, at `target` in the root.
  void show(const std::string& source, const std::string& target,
            uint64_t attributes) {
    struct stat what {};
    if (!outcome_.good() || !check(::stat(source.c_str(), &what) == 0, source)
        || !make_place(target, S_ISDIR(what.st_mode)))
      return;
    const auto place = root_ + target;
    check(
      ::mount(source.c_str(), place.c_str(), nullptr, MS_BIND | MS_REC, nullptr)
        == 0,
      "bind " + source)
      && attributes != 0
      && check(restrict_mount(place, attributes), "mount_setattr " + source);
  }

  // What a mount goes over has to be there.
  bool make_place(const std::string& target, bool directory) {
    struct stat there {};
    const auto place = root_ + target;
    if (::stat(place.c_str(), &there) == 0)
      return true;
    if (directory)
      return check(make_directories(place), "mkdir " + target);
    return check(make_directories(place.substr(0, place.rfind('/')))
                   && write_file(place, {}, O_CREAT),
                 "make " + target);
  }

  void make_own_places() {
    for (const auto* name : {"/tmp", "/proc", "/dev/pts", "/run", "/var"})
      make_place(name, true);
    make_place(hidden_dir, true)
      && check(::mount("tmpfs", (root_ + hidden_dir).c_str(), "tmpfs",
                       MS_NOSUID | MS_NODEV, "size=1m,mode=755")
                 == 0,
               "mount a tmpfs for what is hidden")
      && make_place(hidden_disk, true)
      && make_place(std::string{hidden_dir} + "/workspaces", true);
    make_place(plan_.sessions_dir, true);
    link("/tmp", "/var/tmp");
    show(plan_.sessions_dir, hidden_sessions, attr_nosuid | attr_nodev);
    show(plan_.spool_dir, hidden_spool, attr_nosuid | attr_nodev);
    for (size_t i = 0; i < plan_.workspaces.size(); ++i)
      show(plan_.workspaces[i], hidden_workspaces + std::to_string(i),
           attr_nosuid | attr_nodev);
    for (size_t i = 0; i < plan_.readonly.size(); ++i)
      if (is_in_tmp(plan_.readonly[i]))
        show(plan_.readonly[i], hidden_readonly + std::to_string(i),
             system_attributes);
  }

  // Unless something that sessions see lies below it: then it is a directory.
  void link(const char* target, const std::string& path) {
    const auto place = root_ + path;
    struct stat there {};
    if (outcome_.good()
        && !(::lstat(place.c_str(), &there) == 0 && S_ISDIR(there.st_mode)))
      check(::symlink(target, place.c_str()) == 0, "link " + path);
  }

  // Made anew where that is allowed, which is one mount less each.
  void make_devices() {
    struct device {
      const char* path;
      unsigned major;
      unsigned minor;
    };
    constexpr std::array devices{
      device{"/dev/null", 1, 3},    device{"/dev/zero", 1, 5},
      device{"/dev/full", 1, 7},    device{"/dev/random", 1, 8},
      device{"/dev/urandom", 1, 9}, device{"/dev/tty", 5, 0}};
    const auto mask = ::umask(0);
    for (const auto& [path, major, minor] : devices)
      if (::mknod((root_ + path).c_str(), S_IFCHR | 0666, makedev(major, minor))
          != 0)
        show(path, path, attr_nosuid);
    ::umask(mask);
    constexpr std::array links{std::array{"/proc/self/fd", "/dev/fd"},
                               std::array{"/proc/self/fd/0", "/dev/stdin"},
                               std::array{"/proc/self/fd/1", "/dev/stdout"},
                               std::array{"/proc/self/fd/2", "/dev/stderr"},
                               std::array{"/tmp", "/dev/shm"},
                               std::array{"pts/ptmx", "/dev/ptmx"}};
    for (const auto& [target, path] : links)
      link(target, path);
  }

  // A job's own id has a name, and a name server's address that is elsewhere
  // on the machine is found.
  void show_names() {
    const auto id = std::to_string(inside_id);
    show_text("/etc/passwd",
              "root:x:0:0:root:/nonexistent:/usr/sbin/nologin\nworker:x:" + id
                + ":" + id
                + "::/tmp:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:"
                  "/usr/sbin/nologin\n");
    show_text("/etc/group",
              "root:x:0:\nworker:x:" + id + ":\nnogroup:x:65534:\n");
    std::array<char, PATH_MAX> resolver{};
    if (::realpath("/etc/resolv.conf", resolver.data()) != nullptr
        && ::access((root_ + resolver.data()).c_str(), F_OK) != 0)
      show(resolver.data(), resolver.data(), system_attributes);
  }

  // In place of a file of the machine, if it has one.
  void show_text(const std::string& path, const std::string& text) {
    if (!outcome_.good() || ::access((root_ + path).c_str(), F_OK) != 0)
      return;
    const auto source
      = root_ + hidden_dir + "/" + path.substr(path.rfind('/') + 1);
    check(write_file(source, text, O_CREAT), "write " + source)
      && check(::mount(source.c_str(), (root_ + path).c_str(), nullptr, MS_BIND,
                       nullptr)
                 == 0,
               "bind " + path)
      && check(restrict_mount(root_ + path, system_attributes),
               "mount_setattr " + path);
  }

  void hide(const std::string& path) {
    struct stat what {};
    const auto place = root_ + path;
    if (!outcome_.good() || path == plan_.sessions_dir
        || ::stat(place.c_str(), &what) != 0)
      return;
    if (!S_ISDIR(what.st_mode)) {
      check(::mount((root_ + "/dev/null").c_str(), place.c_str(), nullptr,
                    MS_BIND, nullptr)
              == 0,
            "hide " + path);
      return;
    }
    check(::mount("tmpfs", place.c_str(), "tmpfs", MS_NOSUID | MS_NODEV,
                  "size=64k,mode=755")
            == 0,
          "hide " + path);
    if (plan_.sessions_dir.starts_with(path + "/"))
      make_place(plan_.sessions_dir, true);
    for (const auto& shown : plan_.readonly) // such as base/ beside sessions/
      if (shown.starts_with(path + "/") && !is_in_tmp(shown))
        show(shown, shown, system_attributes);
    check(restrict_mount(place, attr_rdonly), "hide " + path);
  }

  // pivot_root(2): the old root lands below the new one and is let go.
  void finish() {
    outcome_.good() && check(::chdir(root_.c_str()) == 0, "chdir " + root_)
      && check(::syscall(SYS_pivot_root, ".", ".") == 0, "pivot_root")
      && check(::umount2(".", MNT_DETACH) == 0, "unmount the machine's root")
      && check(::chdir("/") == 0, "chdir /")
      && check(::mount(nullptr, "/", nullptr,
                       MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID, nullptr)
                 == 0,
               "make / read-only");
  }

  const root_plan& plan_;
  std::string root_;
  outcome outcome_;
};

} // namespace

bool is_in_tmp(const std::string& path) {
  return path.starts_with("/tmp/");
}

std::string enter_private_root(const root_plan& plan) {
  return root_builder{plan}.build();
}

std::string gain_namespace_rights() {
  if (::geteuid() == 0 && ::prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN) == 1)
    return {};
  const auto uid = std::to_string(::geteuid());
  const auto gid = std::to_string(::getegid());
  outcome result;
  if (!result.check(::unshare(CLONE_NEWUSER) == 0, "unshare(CLONE_NEWUSER)"))
    return result.text();
  ::prctl(PR_SET_DUMPABLE, 1); // user_namespaces(7): else the maps are root's
  result.check(write_file("/proc/self/setgroups", "deny", 0), "setgroups")
    && result.check(write_file("/proc/self/gid_map", gid + " " + gid + " 1", 0),
                    "gid_map")
    && result.check(write_file("/proc/self/uid_map", uid + " " + uid + " 1", 0),
                    "uid_map");
  ::prctl(PR_SET_DUMPABLE, 0);
  return result.text();
}

} // namespace ocw::launcher
