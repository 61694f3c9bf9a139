"""Scenarios about what isolation costs: beside no isolation, beside
bubblewrap doing the same, and layer by layer."""

import contextlib

from harness.engine import Check, Scenario
from harness.jobs import JOB_METRICS, ROOM, node_jobs, raw_jobs
from harness.node import Node, run_json
from harness.peers import missing

TIME_METRICS = {"prepare_p99_ms": "prepare p99 ms",
                "destroy_p99_ms": "destroy p99 ms"}

# In the order in which they are put on; the last row has all of them.
LAYERS = [
    ("nothing", ""),
    ("uid of its own, seccomp", "own_uid no_new_privs seccomp"),
    ("namespaces, root of its own", "mount pid ipc uts"),
    ("user namespace", "userns"),
    ("control groups", "cgroup_memory cgroup_cpu cgroup_pids cgroup_kill"),
    ("network of its own", "net"),
]
NOT_NEEDED = ["landlock", "no_inet"]  # stand in for what is missing

# What a session is made of, said to bubblewrap.
BWRAP = ["bwrap", "--unshare-user", "--unshare-pid", "--unshare-ipc",
         "--unshare-uts", "--ro-bind", "/usr", "/usr", "--ro-bind", "/etc",
         "/etc", "--ro-bind", "/opt", "/opt", "--symlink", "usr/bin", "/bin",
         "--symlink", "usr/sbin", "/sbin", "--symlink", "usr/lib", "/lib",
         "--symlink", "usr/lib64", "/lib64", "--proc", "/proc", "--dev", "/dev",
         "--tmpfs", "/tmp", "--new-session", "--die-with-parent"]
JOB = ["/bin/sh", "-c", "true"]


def without(*layers):
    """The setting that leaves these out."""
    return {"isolation.disable": ",".join(layers)} if layers else {}


def all_layers():
    return [name for _, names in LAYERS for name in names.split()]


def no_isolation():
    return without(*all_layers(), *NOT_NEEDED)


class Isolation:
    """Builds the scenarios. `plain` is a node whose jobs nothing holds."""

    def __init__(self, suite, plain):
        self.suite = suite
        self.plain = plain

    def _node(self, settings):
        return Node(self.suite.programs, self.suite.places, {**ROOM, **settings})

    def _bwrap(self, total, in_flight, *more):
        figures = run_json([self.suite.programs.raw, "spawn", str(total),
                            str(in_flight), "--", *BWRAP, *more, "--", *JOB])
        figures["all_cpu_us"] = figures["parent_cpu_us"] + figures["child_cpu_us"]
        return figures

    def _isolated(self, node, total, in_flight):
        figures = node_jobs(node, total, in_flight)
        page = node.ask("GET", f"/v1/jobs?limit={min(total, 1000)}")
        for key in ("prepare_ms", "destroy_ms"):
            taken = sorted(job["metrics"][key] for job in page["jobs"])
            name = key.replace("_ms", "_p99_ms")
            figures[name] = taken[len(taken) * 99 // 100]
        return figures

    @contextlib.contextmanager
    def beside(self, in_flight, total):
        row = Scenario(f"isolated-{in_flight}",
                       f"isolated short jobs, {in_flight} in flight",
                       {**JOB_METRICS, **TIME_METRICS})
        total = self.suite.scaled(total)
        few = max(total // 4, in_flight)
        with self._node({}) as whole, self._node(without("net", "no_inet")) as open_net:
            row.variants = {
                "raw": lambda: raw_jobs(self.suite.programs.raw, total, in_flight),
                "node": lambda: node_jobs(self.plain, total, in_flight),
                "isolated, no net": lambda: self._isolated(open_net, total, in_flight),
                "isolated": lambda: self._isolated(whole, total, in_flight),
            }
            row.checks = goals(in_flight)
            absent = missing("bwrap")
            if absent:
                row.skipped["bwrap"] = absent
            else:
                row.variants["bwrap, no net"] = lambda: self._bwrap(few, in_flight)
                row.variants["bwrap"] = lambda: self._bwrap(
                    few, in_flight, "--unshare-net", "--unshare-cgroup-try")
                row.checks += bwrap_goals(in_flight)
            row.note = "isolated: all that doctor lists as in force"
            yield row

    @contextlib.contextmanager
    def layers(self, in_flight, total):
        row = Scenario("layers-16", "what each layer costs, one put on another",
                       JOB_METRICS, baseline=LAYERS[0][0])
        total = self.suite.scaled(total)
        left_out = all_layers()
        with contextlib.ExitStack() as stack:
            for name, layers in LAYERS:
                left_out = [each for each in left_out if each not in layers.split()]
                node = stack.enter_context(
                    self._node(without(*left_out, *NOT_NEEDED)))
                row.variants[name] = (
                    lambda node=node: node_jobs(node, total, in_flight))
            row.note = f"{in_flight} in flight; each row has those above it too"
            yield row

    def all(self):
        return [
            ("isolated-1", lambda: self.beside(1, 400)),
            ("isolated-16", lambda: self.beside(16, 1600)),
            ("isolated-256", lambda: self.beside(256, 1600)),
            ("layers-16", lambda: self.layers(16, 1200)),
        ]


def goals(in_flight):
    if in_flight == 1:
        return [Check("isolated round trip, p50, to one without", "p50_us", "≤", 2.5,
                      variant="isolated", is_ratio=True, against="node"),
                Check("prepare, p99", "prepare_p99_ms", "≤", 20,
                      variant="isolated", unit="ms"),
                Check("destroy, p99", "destroy_p99_ms", "≤", 20,
                      variant="isolated", unit="ms")]
    if in_flight == 16:
        return [Check("isolated jobs/s, no net", "jobs_per_s", "≥", 0.45,
                      variant="isolated, no net", is_ratio=True),
                Check("isolated jobs/s", "jobs_per_s", "≥", 0.3,
                      variant="isolated", is_ratio=True)]
    return []


def bwrap_goals(in_flight):
    return [Check(f"isolated to bubblewrap, no net, {in_flight} in flight",
                  "jobs_per_s", "≥", 2.5, variant="isolated, no net",
                  is_ratio=True, against="bwrap, no net"),
            Check(f"isolated to bubblewrap, {in_flight} in flight", "jobs_per_s",
                  "≥", 2.2, variant="isolated", is_ratio=True, against="bwrap")]


NAMES = ["isolated-1", "isolated-16", "isolated-256", "layers-16"]
