// Control groups without a kernel: how they are found, and what is written
// into a tree of plain files that looks like version 2. Writes append there,
// so a file tells all that was asked of it.

#include "support/catch.hpp"
#include "support/cgroups.hpp"
#include "support/launched.hpp"

#include "launcher/cgroup_part.hpp"

using namespace ocw;
using namespace ocw::launcher;
using namespace ocw::launcher::test;

namespace {

constexpr uint64_t all = wire::cgroup_memory | wire::cgroup_cpu
                         | wire::cgroup_pids | wire::cgroup_kill;

void put(const std::string& path, const std::string& text = "") {
  std::filesystem::create_directories(
    std::filesystem::path{path}.parent_path());
  std::ofstream{path} << text;
}

// The files a group of version 2 has, as far as they are used.
void put_group(const std::string& path) {
  for (const auto* name :
       {"cgroup.procs", "cgroup.kill", "cgroup.subtree_control", "memory.max",
        "memory.swap.max", "memory.oom.group", "memory.peak", "memory.current",
        "cpu.max", "pids.max"})
    put(path + "/" + name);
  put(path + "/cgroup.events", "populated 0\nfrozen 0\n");
  put(path + "/memory.events", "low 0\nmax 7\noom 2\noom_kill 1\n");
  put(path + "/pids.events", "max 3\n");
  put(path + "/cpu.stat", "usage_usec 1000\nuser_usec 700\n"
                          "nr_periods 5\nthrottled_usec 20\n");
  put(path + "/io.stat", "8:0 rbytes=4096 wbytes=100 rios=1 wios=1\n"
                         "8:16 rbytes=1000 wbytes=0 rios=1 wios=0\n");
}

// A launcher's world: it is in /app, and nobody else is.
struct fake_v2 {
  temp_dir root;
  std::string app = root.path() + "/app";
  std::string own = app + "/ocw";
  std::vector<std::string> why;
  std::unique_ptr<cgroup_tree> tree;

  fake_v2() {
    put_group(app);
    put_group(own);
    tree
      = open_cgroup_tree_in({{root.path(), "/app", 0, true}}, "ocw", all, why);
  }
};

} // namespace

TEST_CASE("control groups are found in a hybrid setup", "[cgroup]") {
  const auto found = find_cgroup_mounts(
    "23 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
    "31 23 0:28 / /sys/fs/cgroup ro shared:9 - tmpfs tmpfs ro,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/unified rw shared:10 - cgroup2 cgroup2 rw\n"
    "33 31 0:30 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
    "34 31 0:31 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup none rw,cpu,cpuacct\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw shared:11 master:2 - cgroup cgroup "
    "rw,memory\n",
    "12:memory:/a/b\n5:cpu,cpuacct:/\n4:pids:/a\n1:name=systemd:/a\n0::/a/c\n");
  REQUIRE(found.size() == 4); // pids is nowhere mounted
  CHECK(found[0].point == "/sys/fs/cgroup/memory");
  CHECK(found[0].own == "/a/b");
  CHECK(found[0].uses == wire::cgroup_memory);
  CHECK(found[1].point == "/sys/fs/cgroup/cpu,cpuacct");
  CHECK(found[1].own == "");
  CHECK(found[1].uses == (wire::cgroup_cpu | counts_cpu));
  CHECK(found[2].uses == 0);
  CHECK(found[3].point == "/sys/fs/cgroup/unified");
  CHECK(found[3].own == "/a/c");
  CHECK(found[3].unified);
}

TEST_CASE("a container's mount begins below the root", "[cgroup]") {
  const auto mount = [](const std::string& root, const std::string& own) {
    return find_cgroup_mounts("32 31 0:29 " + root
                                + " /cg rw - cgroup2 cgroup2 rw\n",
                              "0::" + own + "\n")
      .at(0)
      .own;
  };
  CHECK(mount("/docker/1", "/docker/1/x") == "/x");
  CHECK(mount("/docker/1", "/docker/1") == "");
  CHECK(mount("/docker/1", "/docker/11") == "");
  CHECK(mount("/docker/1", "/") == "");
  CHECK(mount("/", "/../../x") == "");
}

TEST_CASE("version 2 gets its controllers enabled, step by step", "[cgroup]") {
  fake_v2 v2;
  REQUIRE(v2.tree);
  CHECK(v2.tree->mechanisms() == all);
  CHECK(v2.tree->describe() == "v2");
  CHECK(v2.why.empty());
  for (const auto& dir : {v2.app, v2.own})
    CHECK(slurp(dir + "/cgroup.subtree_control")
          == "+memory\n+cpu\n+pids\n+io\n");
  CHECK_FALSE(std::filesystem::exists(v2.own + "/launcher"));
}

TEST_CASE("version 2 is told a job's limits when they change", "[cgroup]") {
  fake_v2 v2;
  const auto dir = v2.own + "/5/";
  put_group(dir);
  const auto job = v2.tree->make(5);
  REQUIRE(job);
  CHECK(job->prepare({64 * mib, 500, 20}) == 0);
  CHECK(job->prepare({64 * mib, 500, 20}) == 0);
  CHECK(slurp(dir + "memory.max") == "67108864\n");
  CHECK(slurp(dir + "memory.swap.max") == "0\n");
  CHECK(slurp(dir + "memory.oom.group") == "1\n");
  CHECK(slurp(dir + "memory.peak") == "reset\n");
  CHECK(slurp(dir + "cpu.max") == "50000 100000\n");
  CHECK(slurp(dir + "pids.max") == "20\n");
  CHECK(job->prepare({64 * mib, 5, 0}) == 0);
  CHECK(job->prepare({}) == 0);
  CHECK(slurp(dir + "memory.max") == "67108864\nmax\n");
  CHECK(slurp(dir + "memory.swap.max") == "0\nmax\n");
  CHECK(slurp(dir + "cpu.max") == "50000 100000\n1000 100000\nmax 100000\n");
  CHECK(slurp(dir + "pids.max") == "20\nmax\n");
}

TEST_CASE("version 2 is read as what happened since the job began",
          "[cgroup]") {
  fake_v2 v2;
  const auto dir = v2.own + "/5/";
  put_group(dir);
  const auto job = v2.tree->make(5);
  REQUIRE(job->prepare({64 * mib, 500, 20}) == 0);
  CHECK(job->entries().size() == 1);
  CHECK(job->oom_poll_events() == POLLPRI);
  CHECK(job->oom_fd() >= 0);
  CHECK_FALSE(job->oom_happened());
  CHECK(job->empty());
  put(dir + "cgroup.events", "populated 1\nfrozen 0\n");
  put(dir + "memory.events", "low 0\nmax 9\noom 3\noom_kill 5\n"
                             "oom_group_kill 1\n");
  put(dir + "memory.peak", "41943040\n");
  put(dir + "pids.events", "max 4\n");
  put(dir + "cpu.stat", "usage_usec 5000\nthrottled_usec 120\n");
  put(dir + "io.stat", "8:0 rbytes=8192 wbytes=200 rios=1 wios=1\n"
                       "8:16 rbytes=1000 wbytes=7 rios=1 wios=0\n");
  CHECK_FALSE(job->empty());
  CHECK(job->oom_happened());
  const auto used = job->usage();
  CHECK(used.oom_kills == 4);
  CHECK(used.memory_peak_kb == 40 * 1024);
  CHECK(used.pids_refused == 1);
  CHECK(used.cpu_us == 4000);
  CHECK(used.throttled_us == 100);
  CHECK(used.io_read_bytes == 4096);
  CHECK(used.io_write_bytes == 107);
  CHECK(job->kill_all() == 0);
  CHECK(slurp(dir + "cgroup.kill") == "1\n");
}

TEST_CASE("what cannot be had is missing with its reason", "[cgroup]") {
  std::vector<std::string> why;
  SECTION("nothing is mounted") {
    CHECK_FALSE(open_cgroup_tree_in({}, "ocw", all, why));
    CHECK(why.size() == 4);
    CHECK(why[0] == "cgroup_memory: no control group file system is mounted");
  }
  SECTION("nothing can be made") {
    CHECK_FALSE(open_cgroup_tree_in({{"/proc", "", wire::cgroup_memory, false}},
                                    "ocw", all, why));
    CHECK(why.size() == 4);
    CHECK(why[0]
          == "cgroup_memory: cannot make /proc/ocw: No such file or directory");
    CHECK(why[1] == "cgroup_cpu: no hierarchy has the cpu controller");
    CHECK(why[3] == "cgroup_kill: no hierarchy has the freezer or cgroup.kill");
  }
  SECTION("a controller that is not delegated does not cost the others") {
    temp_dir root;
    put_group(root.path());
    put_group(root.path() + "/ocw");
    std::filesystem::remove(root.path() + "/ocw/memory.max");
    const auto tree
      = open_cgroup_tree_in({{root.path(), "", 0, true}}, "ocw", all, why);
    REQUIRE(tree);
    CHECK(tree->mechanisms() == (all & ~uint64_t{wire::cgroup_memory}));
    REQUIRE(why.size() == 1);
    CHECK(why[0]
          == "cgroup_memory: cannot open " + root.path()
               + "/ocw/memory.max: No such file or directory");
  }
  SECTION("what is not wanted is not missed") {
    CHECK_FALSE(open_cgroup_tree_in({}, "ocw", wire::cgroup_pids, why));
    CHECK(why.size() == 1);
  }
}
