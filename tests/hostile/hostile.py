"""What the hostile tests share: the node in three situations, jobs that attack,
and a census of processes that does not ask the node.

Each test runs in three modes, where it applies: started by root, by an ordinary
user, and by root with no more rights than a container engine leaves. What a
mode cannot hold has to be missing in what the node reports; then the test is
skipped, and says so.

OCW_HOSTILE_JOB and OCW_CONTAINER_LIKE name the helpers (default: beside the
binary under test).
"""

import base64
import contextlib
import os
import pathlib
import shutil
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from harness import (BINARY, Node, clean_environment, files_below,  # noqa: E402
                     new_marker, processes_with, wait_until)

BESIDE = pathlib.Path(BINARY).resolve().parent
HOSTILE_JOB = pathlib.Path(os.environ.get("OCW_HOSTILE_JOB", BESIDE / "hostile_job"))
CONTAINER_LIKE = pathlib.Path(os.environ.get("OCW_CONTAINER_LIKE", BESIDE / "container_like"))
USER = 1001  # anyone but root
PRODUCT = ("opencode-worker", "opencode-worker-launcher")
SOON_S = 2  # how soon nothing of a job may be left

ROOT, AS_USER, CONTAINER = "root", "user", "container"
IS_ROOT = os.geteuid() == 0

# The attacker, as a file of a job: it is in no directory that every tier shows.
ATTACKER = {"attacker": {"content_base64": base64.b64encode(HOSTILE_JOB.read_bytes()).decode(),
                         "mode": "0755"}}


def why_not(mode):
    """Why a mode cannot be tried here; empty when it can."""
    if mode != AS_USER and not IS_ROOT:
        return f"mode {mode} takes root"
    return ""


class Group:
    """A control group the node is started in, and everything it starts: the freezer's, which the
    node has no use for where there is cgroup.kill, or else one of the unified hierarchy."""

    def __init__(self):
        self.path = None
        for place in ("/sys/fs/cgroup/freezer", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"):
            path = pathlib.Path(place, f"ocw-hostile-{os.getpid()}-{os.urandom(3).hex()}")
            if IS_ROOT and pathlib.Path(place, "cgroup.procs").exists():
                with contextlib.suppress(OSError):
                    path.mkdir()
                    self.path = path
                    return

    def starter(self):
        """What a command line begins with to be started in the group."""
        return ["sh", "-c", 'echo $$ >"$0" && exec "$@"', str(self.path / "cgroup.procs")] if self.path else []

    def processes(self):
        found = []
        for top, _, _ in os.walk(self.path) if self.path else ():
            with contextlib.suppress(OSError):
                found += map(int, pathlib.Path(top, "cgroup.procs").read_text().split())
        return found

    def close(self):
        if self.path:
            for top, _, _ in os.walk(self.path, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(top)


def program_of(pid):
    with contextlib.suppress(OSError):
        return pathlib.Path(os.readlink(f"/proc/{pid}/exe")).name
    return None  # gone, or a zombie


class HostileNode(Node):
    """A node in one of the modes, in a group of its own, its programs where every user reaches
    them. `top` holds all of its directories, and one file that is none of a job's business."""

    def __init__(self, mode, *settings, env=None, **more):
        self.mode = mode
        self.group = Group()
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="ocw-hostile-"))
        self.top.chmod(0o711)
        for name in PRODUCT:
            shutil.copy(BESIDE / name, self.top / name)
        self.outside = self.top / "outside"
        self.outside.write_text("not for jobs\n")
        self.outside.chmod(0o644)
        state = self.top / "state"
        state.mkdir(0o711)
        become = {ROOT: [], CONTAINER: [str(CONTAINER_LIKE)],
                  AS_USER: ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]}
        if not IS_ROOT:
            become[AS_USER] = []
        self.binary = [*self.group.starter(), *become[mode], str(self.top / PRODUCT[0])]
        if mode == AS_USER and IS_ROOT:
            os.chown(state, USER, USER)
        self.node_mark = new_marker()
        super().__init__("--session.kill_grace_ms=200", *settings, state_dir=state,
                         env={**(env or clean_environment()), **self.node_mark}, **more)

    def layers(self):
        return self.isolation()["layers"]

    def isolation(self):
        return self.get("/v1/workers").json["workers"][0]["isolation"]

    def census(self, marker):
        """Processes of jobs that are alive, as the kernel tells: by a variable in their
        environment, and by the control group, which nobody leaves."""
        found = set(processes_with(marker))
        for pid in self.group.processes():
            program = program_of(pid)
            if program is not None and program not in PRODUCT:
                found.add(pid)
        return sorted(found)

    def attack(self, *names, **request):
        """What came of some attacks: "DONE", or the name of an errno."""
        return said(self.run(argv=["./attacker", "try", *names], files=ATTACKER, **request), names)

    def shims(self):
        return [pid for pid in self.group.processes() or range(0) if program_of(pid) == PRODUCT[1]
                and pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == "ocw-shim"]

    def close(self):
        try:
            super().close()
        finally:
            self.group.close()
            shutil.rmtree(self.top, ignore_errors=True)


def said(result, names):
    lines = dict(line.rsplit(" ", 1) for line in result["stdout"].splitlines() if " " in line)
    assert list(lines) == list(names), f"{names} gave {result}"
    return lines


class HostileTest:
    """Tests that share a node of one mode; `in_modes` makes test cases of them."""

    mode = None
    settings = ()

    @classmethod
    def setUpClass(cls):
        if reason := why_not(cls.mode):
            raise unittest.SkipTest(reason)
        cls.node = HostileNode(cls.mode, *cls.settings)
        cls.addClassCleanup(cls.node.close)

    def need(self, *layers):
        """Skips where the node says, as it has to, that it goes without one of these."""
        report = self.node.isolation()
        for layer in layers:
            if layer not in report["layers"]:
                told = [line for line in report["why_not"] if line.startswith(layer + ":")]
                self.skipTest(f"mode {self.mode} has no {layer}, and says so: {told or 'not for this user'}")

    def assert_gone(self, marker, within_s=SOON_S):
        end = time.monotonic() + within_s
        while left := self.node.census(marker):
            if time.monotonic() > end:
                self.fail(f"alive {within_s} s after the end: "
                          + ", ".join(f"{pid} {program_of(pid)}" for pid in left))
            time.sleep(0.01)

    def start_tree(self, kind, then, **request):
        """A job that grows a tree; its id and its marker, when it is up."""
        marker = new_marker()
        # Where nothing holds the number of processes, some trees do not grow as fast as they can.
        pace = {} if "cgroup_pids" in self.node.layers() else {"PACED": "1"}
        request.setdefault("limits", {}).setdefault("pids", 200)
        job = self.node.submit(argv=["./attacker", "tree", kind, then], files=ATTACKER,
                               env={**marker, **pace}, **request)
        wait_until(lambda: self.node.logs(job).startswith(b"up\n"), f"tree {kind}")
        return job, marker

    def assert_denied(self, outcomes, *but):
        worked = [name for name, what in outcomes.items() if what == "DONE" and name not in but]
        self.assertEqual(worked, [], outcomes)


def in_modes(scope, base, modes=(ROOT, AS_USER, CONTAINER)):
    """Adds a class for each mode to a module: AsRoot…, AsUser…, InContainer…"""
    prefixes = {ROOT: "AsRoot", AS_USER: "AsUser", CONTAINER: "InContainer"}
    for mode in modes:
        name = prefixes[mode] + base.__name__
        scope[name] = type(name, (base, unittest.TestCase), {"mode": mode, "__module__": scope["__name__"]})


__all__ = ["ATTACKER", "AS_USER", "CONTAINER", "clean_environment", "files_below", "HostileNode", "HostileTest", "ROOT",
           "SOON_S", "in_modes", "new_marker", "processes_with", "said", "wait_until", "why_not"]
