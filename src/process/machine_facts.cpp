#include "process/machine_facts.hpp"

#include "process/sandbox_report.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>

namespace ocw {

namespace {

constexpr auto cap_sys_admin = 21; // capabilities(7)

std::optional<int64_t> number_in(const std::string& path) {
  auto file = std::ifstream{path};
  auto value = int64_t{0};
  return file >> value ? std::optional{value} : std::nullopt;
}

bool exists(const std::string& path) {
  auto ignored = std::error_code{};
  return std::filesystem::exists(path, ignored);
}

/// What stands behind `key` in /proc/self/status; proc(5).
std::string status_value(const std::string& root, std::string_view key) {
  auto file = std::ifstream{root + "/proc/self/status"};
  auto line = std::string{};
  while (std::getline(file, line))
    if (line.starts_with(key))
      return line.substr(line.find_first_not_of(" \t", key.size()));
  return {};
}

bool has_capability(const std::string& root, int which) {
  const auto text = status_value(root, "CapEff:");
  auto bits = uint64_t{0};
  std::from_chars(text.data(), text.data() + text.size(), bits, 16);
  return (bits >> which & 1) != 0;
}

// user_namespaces(7): the first id inside, the first outside, how many.
bool maps(const std::string& root, uint64_t uid) {
  auto file = std::ifstream{root + "/proc/self/uid_map"};
  auto inside = uint64_t{0}, outside = uint64_t{0}, count = uint64_t{0};
  while (file >> inside >> outside >> count)
    if (inside <= uid && uid - inside < count)
      return true;
  return false;
}

// The files that container engines put into their containers.
std::string container_of(const std::string& root) {
  if (exists(root + "/var/run/secrets/kubernetes.io"))
    return "kubernetes";
  if (exists(root + "/run/.containerenv"))
    return "podman";
  return exists(root + "/.dockerenv") ? "docker" : "";
}

bool is_readonly(std::string_view options) {
  return options == "ro" || options.starts_with("ro,");
}

// fstab(5): device, place, type, options.
void look_at_mounts(const std::string& root, machine_facts& facts) {
  auto file = std::ifstream{root + "/proc/self/mounts"};
  auto line = std::string{};
  while (std::getline(file, line)) {
    auto words = std::istringstream{line};
    auto device = std::string{}, place = std::string{}, type = std::string{},
         options = std::string{};
    words >> device >> place >> type >> options;
    if (type != "cgroup" && type != "cgroup2")
      continue;
    facts.cgroup_v2 = facts.cgroup_v2 || type == "cgroup2";
    // systemd's own hierarchy has a name and no controller.
    facts.cgroup_v1
      = facts.cgroup_v1
        || (type == "cgroup" && options.find("name=") == std::string::npos);
    facts.cgroups_readonly = facts.cgroups_readonly || is_readonly(options);
  }
}

} // namespace

machine_facts facts_of_machine(const std::string& root) {
  auto facts = machine_facts{};
  auto about = utsname{};
  if (::uname(&about) == 0)
    facts.kernel = about.release;
  facts.uid = ::geteuid();
  facts.can_administer = has_capability(root, cap_sys_admin);
  const auto filters = status_value(root, "Seccomp:");
  facts.is_filtered = !filters.empty() && filters != "0";
  facts.maps_job_uids = maps(root, first_job_uid);
  facts.container = container_of(root);
  const auto sysctl = root + "/proc/sys/";
  facts.unprivileged_userns_clone
    = number_in(sysctl + "kernel/unprivileged_userns_clone");
  facts.max_user_namespaces = number_in(sysctl + "user/max_user_namespaces");
  facts.apparmor_restricts_userns
    = number_in(sysctl + "kernel/apparmor_restrict_unprivileged_userns");
  look_at_mounts(root, facts);
  return facts;
}

std::string cgroup_versions(const machine_facts& facts) {
  if (facts.cgroup_v1)
    return facts.cgroup_v2 ? "v1 and v2" : "v1";
  return facts.cgroup_v2 ? "v2" : "none";
}

} // namespace ocw
