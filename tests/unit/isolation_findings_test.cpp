#include "process/container_engines.hpp"
#include "process/isolation_findings.hpp"
#include "process/mechanism_hints.hpp"
#include "process/mechanism_table.hpp"

#include "support/catch.hpp"
#include "support/temp_dir.hpp"
#include "support/texts.hpp"

#include <filesystem>
#include <fstream>
#include <set>

using namespace ocw;
using test::has;

namespace {

/// An ordinary machine, and a node that is a user of it.
machine_facts ordinary_user() {
  auto facts = machine_facts{};
  facts.uid = 1000;
  facts.max_user_namespaces = 96365;
  facts.cgroup_v2 = true;
  return facts;
}

machine_facts ordinary_root() {
  auto facts = ordinary_user();
  facts.uid = 0;
  facts.can_administer = true;
  return facts;
}

const mechanism_finding& named(const std::vector<mechanism_finding>& all,
                               std::string_view name) {
  for (const auto& each : all)
    if (each.name == name)
      return each;
  FAIL("no finding for " << name);
  return all.front();
}

void write(const std::string& path, std::string_view text) {
  std::filesystem::create_directories(
    std::filesystem::path{path}.parent_path());
  std::ofstream{path} << text;
}

} // namespace

// -- the table ----------------------------------------------------------------

TEST_CASE("every mechanism has one name and one line, and is listed once") {
  auto names = std::set<std::string_view>{};
  auto bits = uint64_t{0};
  for (const auto& each : known_mechanisms()) {
    CAPTURE(each.name);
    CHECK(names.insert(each.name).second);
    CHECK((bits & each.bit) == 0);
    CHECK(launcher::name_of(each.bit) == each.name);
    CHECK(has(each.gives, "\n") == false);
    CHECK(each.gives.size() > 10);
    bits |= each.bit;
  }
  CHECK(bits == wanted_mechanisms());
  for (const auto& each : constant_mechanisms())
    CHECK(names.insert(each.name).second);
}

TEST_CASE("results name mechanisms as doctor does") {
  const auto report = describe_isolation(wanted_mechanisms(), {});
  auto shown = std::vector<std::string>{};
  for (const auto& each : known_mechanisms())
    shown.emplace_back(each.name);
  for (const auto& each : constant_mechanisms())
    shown.emplace_back(each.name);
  CHECK(report.layers == shown);
}

TEST_CASE("a job has a disk of its own if it has a limit that memory holds") {
  const auto in_force = wire::mount | wire::disk_tmpfs;
  auto limits = effective_limits{};
  limits.memory_mib = 64;
  const auto given = [&] {
    return (mechanisms_for({}, limits, in_force) & wire::disk_tmpfs) != 0;
  };
  CHECK_FALSE(given());
  limits.disk_bytes = uint64_t{63} << 20;
  CHECK(given());
  limits.disk_bytes = uint64_t{64} << 20;
  CHECK_FALSE(given());
  CHECK((mechanisms_for({}, limits, in_force) & wire::mount) != 0);
}

// -- findings -----------------------------------------------------------------

TEST_CASE("a mechanism is in force, off, not needed, or missing with a hint") {
  auto found = sandbox_report{};
  found.mechanisms = wire::mount | wire::pid | wire::net | wire::seccomp;
  found.why_not = {"userns: Permission denied", "cgroup_memory: no such group"};
  auto settings = isolation_config{};
  settings.disable = {"ipc"};
  const auto all = findings_of(found, settings, ordinary_root());
  CHECK(all.size() == known_mechanisms().size());
  CHECK(named(all, "mount").state == mechanism_state::in_force);
  CHECK(named(all, "mount").why.empty());
  CHECK(named(all, "mount").hint.empty());
  CHECK(named(all, "ipc").state == mechanism_state::off);
  CHECK(named(all, "ipc").hint.empty());
  CHECK(named(all, "landlock").state == mechanism_state::not_needed);
  CHECK(named(all, "no_inet").state == mechanism_state::not_needed);
  CHECK(named(all, "userns").state == mechanism_state::missing);
  CHECK(named(all, "userns").why == "Permission denied");
  CHECK_FALSE(named(all, "userns").hint.empty());
  CHECK(named(all, "cgroup_memory").why == "no such group");
  // The reason of one is not that of another whose name begins alike.
  CHECK(named(all, "cgroup_cpu").why != "no such group");
}

TEST_CASE("Landlock is missed where a job has no root of its own") {
  auto found = sandbox_report{};
  found.why_not = {"landlock: this kernel has no Landlock"};
  const auto all = findings_of(found, {}, ordinary_user());
  CHECK(named(all, "landlock").state == mechanism_state::missing);
  CHECK(named(all, "no_inet").state == mechanism_state::missing);
  found.mechanisms = wire::mount | wire::pid;
  CHECK(named(findings_of(found, {}, ordinary_user()), "landlock").state
        == mechanism_state::missing);
}

TEST_CASE("a node that is not root has no ids to give") {
  const auto all = findings_of({}, {}, ordinary_user());
  CHECK(has(named(all, "own_uid").why, "root"));
  CHECK(has(named(all, "own_uid").hint, "root"));
}

TEST_CASE("whatever is missing, there is something to be done about it") {
  for (const auto uid : {0u, 1000u})
    for (const auto container : {"", "docker"})
      for (const auto v1 : {true, false})
        for (const auto readonly : {true, false})
          for (const auto& each : known_mechanisms()) {
            auto facts = uid == 0 ? ordinary_root() : ordinary_user();
            facts.container = container;
            facts.cgroup_v1 = v1;
            facts.cgroups_readonly = readonly;
            CAPTURE(each.name, uid, container, v1, readonly);
            CHECK_FALSE(
              hint_for(each.bit, "Operation not permitted", facts).empty());
          }
}

// -- hints --------------------------------------------------------------------

TEST_CASE("the sysctl that forbids user namespaces is named") {
  const auto why = "unshare(CLONE_NEWUSER): Operation not permitted";
  auto facts = ordinary_user();
  CHECK(has(hint_for(wire::userns, why, facts), "as root"));
  facts.apparmor_restricts_userns = 1;
  CHECK(has(hint_for(wire::mount, why, facts),
            "kernel.apparmor_restrict_unprivileged_userns=0"));
  facts.unprivileged_userns_clone = 0;
  CHECK(
    has(hint_for(wire::pid, why, facts), "kernel.unprivileged_userns_clone=1"));
  facts.max_user_namespaces = 0;
  CHECK(has(hint_for(wire::net, why, facts), "user.max_user_namespaces"));
}

TEST_CASE("sysctls that are in nobody's way are not named") {
  auto facts = ordinary_user();
  facts.unprivileged_userns_clone = 1;
  facts.apparmor_restricts_userns = 0;
  const auto hint = hint_for(wire::userns, "Operation not permitted", facts);
  CHECK_FALSE(has(hint, "sysctl"));
  // What is about users who are not root is nothing to root.
  facts = ordinary_root();
  facts.unprivileged_userns_clone = 0;
  CHECK_FALSE(has(hint_for(wire::mount, "Permission denied", facts), "sysctl"));
}

TEST_CASE("in a container the engine's flags are named") {
  auto facts = ordinary_user();
  facts.container = "docker";
  CHECK(has(hint_for(wire::userns, "Operation not permitted", facts),
            "--security-opt seccomp=unconfined"));
  CHECK(has(hint_for(wire::seccomp, "Invalid argument", facts), "seccomp="));
  facts.cgroups_readonly = true;
  CHECK(has(hint_for(wire::cgroup_memory, "Read-only file system", facts),
            "/sys/fs/cgroup:/sys/fs/cgroup:rw"));
}

TEST_CASE("a mount that is not there is the settings' to mend") {
  CHECK(has(hint_for(wire::mount, "/srv/none: No such file or directory",
                     ordinary_root()),
            "session.readonly_mounts"));
}

TEST_CASE("what hangs on another mechanism says on which") {
  const auto facts = ordinary_root();
  CHECK(has(hint_for(wire::net, "needs both mount and pid", facts), "pid"));
  CHECK(has(hint_for(wire::no_inet, "needs seccomp", facts), "seccomp"));
  CHECK(has(hint_for(wire::mount,
                     "jobs of a launcher that is root need another uid", facts),
            "own_uid"));
  CHECK(has(hint_for(wire::disk_tmpfs, "needs mount", facts), "mount"));
}

TEST_CASE("a way that is closed to jobs is to be opened") {
  const auto why = "a job cannot enter a directory below /a: Permission denied";
  for (const auto bit : {wire::own_uid, wire::mount, wire::pid})
    CHECK(has(hint_for(bit, why, ordinary_root()), "chmod o+x"));
}

TEST_CASE("control groups: who has to do what depends on their version") {
  auto facts = ordinary_user();
  CHECK(has(hint_for(wire::cgroup_cpu, "Permission denied", facts),
            "Delegate=yes"));
  facts.cgroup_v2 = false;
  CHECK(has(hint_for(wire::cgroup_cpu, "", facts), "mount -t cgroup2"));
  facts.cgroup_v1 = true;
  CHECK(has(hint_for(wire::cgroup_cpu, "Permission denied", facts), "as root"));
  facts.cgroups_readonly = true;
  CHECK(has(hint_for(wire::cgroup_cpu, "", facts), "remount,rw"));
}

TEST_CASE("root of a user namespace without the jobs' ids hears of them") {
  auto facts = ordinary_root();
  facts.maps_job_uids = false;
  for (const auto bit : {wire::own_uid, wire::userns})
    CHECK(has(hint_for(bit, "Operation not permitted", facts),
              std::to_string(first_job_uid)));
}

TEST_CASE("a proxy is off without rules, and comes with a network") {
  auto found = sandbox_report{};
  auto settings = isolation_config{};
  const auto facts = ordinary_root();
  const auto state = [&] {
    return named(findings_of(found, settings, facts), "egress_proxy");
  };
  CHECK(state().state == mechanism_state::off);
  CHECK(state().why == "isolation.network_allow is empty");
  settings.network_allow = {"example.org:443"};
  found.why_not = {"egress_proxy: needs net"};
  CHECK(state().state == mechanism_state::missing);
  CHECK(state().why == "needs net");
  CHECK(has(state().hint, "net"));
  found.mechanisms = wire::egress_proxy;
  CHECK(state().state == mechanism_state::in_force);
}

TEST_CASE("an open network has no proxy, and no rules are nothing to wish") {
  const auto all = wanted_mechanisms();
  auto request = job_request{};
  CHECK((mechanisms_for(request, {}, all) & wire::egress_proxy) != 0);
  request.config.network = network_access::open;
  CHECK((mechanisms_for(request, {}, all) & wire::egress_proxy) == 0);
  auto settings = config{};
  CHECK((setup_for(settings, "/s", "/p").fixed.wanted & wire::egress_proxy)
        == 0);
  settings.isolation.network_allow = {"example.org:443"};
  CHECK((setup_for(settings, "/s", "/p").fixed.wanted & wire::egress_proxy)
        != 0);
}

// -- facts --------------------------------------------------------------------

TEST_CASE("facts are read from the files of the machine") {
  const auto root = test::temp_dir{};
  const auto proc = root.path() + "/proc";
  write(proc + "/self/status",
        "Name:\tx\nCapEff:\t0000000000200000\nSeccomp:\t2\n");
  write(proc + "/self/uid_map", "0 100000 65536\n");
  write(proc + "/self/mounts",
        "tmpfs /sys/fs/cgroup tmpfs ro,nosuid 0 0\n"
        "cgroup /sys/fs/cgroup/systemd cgroup rw,name=systemd 0 0\n"
        "cgroup2 /sys/fs/cgroup/unified cgroup2 ro,nosuid 0 0\n");
  write(proc + "/sys/kernel/unprivileged_userns_clone", "0\n");
  write(proc + "/sys/user/max_user_namespaces", "128\n");
  write(root.path() + "/run/.containerenv", "");
  const auto facts = facts_of_machine(root.path());
  CHECK(facts.can_administer);
  CHECK(facts.is_filtered);
  CHECK_FALSE(facts.maps_job_uids);
  CHECK(facts.container == "podman");
  CHECK(facts.unprivileged_userns_clone == 0);
  CHECK(facts.max_user_namespaces == 128);
  CHECK_FALSE(facts.apparmor_restricts_userns);
  CHECK(cgroup_versions(facts) == "v2");
  CHECK(facts.cgroups_readonly);
}

TEST_CASE("a machine that tells nothing is no reason to fail") {
  const auto root = test::temp_dir{};
  const auto facts = facts_of_machine(root.path());
  CHECK_FALSE(facts.kernel.empty());
  CHECK(facts.container.empty());
  CHECK_FALSE(facts.can_administer);
  CHECK(cgroup_versions(facts) == "none");
}

TEST_CASE("the version in what an engine says of itself") {
  CHECK(version_in("Docker version 28.2.2, build e6534b4\n") == "28.2.2");
  CHECK(version_in("podman version 4.3.1") == "4.3.1");
  CHECK(version_in("no such thing").empty());
  CHECK(version_in("").empty());
}
