"""Nothing of a job outlives it, whatever its processes do (I3)."""

import contextlib
import os
import pathlib
import re
import signal
import time
import unittest

from hostile import HostileNode, HostileTest, in_modes, wait_until, why_not

TREES = ("plain", "daemon", "ignoring", "stopped", "traced", "pipe_holder", "subreaper", "nested", "sibling",
         "hoppers_8", "hoppers_90", "bomb")


class Trees(HostileTest):
    settings = ("--worker.concurrency=4",)

    def end(self, kind, how):
        """How a tree of this kind ends: by itself, by its time limit or by a cancel."""
        limits = {"timeout": 700} if how == "timeout" else {}
        job, marker = self.start_tree(kind, "leave" if how == "leave" else "stay", limits=limits)
        if how == "cancel":
            # The hoppers and the bomb are counted in passing; the others are all there.
            wait_until(lambda: self.node.census(marker), f"{kind} in the census")
            self.node.post(f"/v1/jobs/{job}/cancel")
        begin = time.monotonic()
        result = self.node.result(job)
        taken = time.monotonic() - begin
        self.assert_gone(marker)
        self.assertEqual(result["teardown"]["survivors"], 0)
        return result, taken

    def check_all(self, how, status):
        for kind in TREES:
            with self.subTest(kind):
                result, taken = self.end(kind, how)
                self.assertEqual(result["status"], status, result)
                # The grace of 200 ms and a second; the rest is for a machine that is busy.
                self.assertLess(taken, 0.7 + 0.2 + 1 + 2)

    def test_trees_whose_job_is_cancelled(self):
        self.check_all("cancel", "cancelled")

    def test_trees_whose_main_process_leaves(self):
        self.check_all("leave", "finished")

    def test_trees_that_are_out_of_time(self):
        self.check_all("timeout", "timeout")


class SuddenDeaths(HostileTest):
    """KILL for a part of the node while trees stand. Each test has a node of its own."""

    trees = ("daemon", "ignoring", "stopped", "hoppers_8")

    @classmethod
    def setUpClass(cls):
        if reason := why_not(cls.mode):
            raise unittest.SkipTest(reason)

    def setUp(self):
        self.node = HostileNode(self.mode, "--worker.concurrency=8",
                                "--governance.memory_overcommit=0", "--governance.cpu_overcommit=0")
        self.addCleanup(self.node.close)
        self.markers = [self.start_tree(kind, "stay")[1] for kind in self.trees]
        self.names = self.group_names()
        self.assertEqual(bool(self.names), "cgroup_kill" in self.node.layers())
        self.assertEqual(len(list(self.node.base.glob("session-*"))), len(self.trees))

    def assert_all_gone(self):
        for marker in self.markers:
            self.assert_gone(marker)

    def group_names(self):
        """What the node calls the control groups it makes, as its jobs' processes tell."""
        told = ""
        for pid in self.node.census(self.markers[0]):
            with contextlib.suppress(OSError):
                told += pathlib.Path(f"/proc/{pid}/cgroup").read_text()
        return set(re.findall(r"/(opencode-worker-\d+)", told))

    def left_groups(self):
        found = []
        for top, names, _ in os.walk("/sys/fs/cgroup"):
            found += [f"{top}/{name}" for name in names if any(name.startswith(own) for own in self.names)]
        return found

    def mounts_below(self):
        with open("/proc/self/mountinfo", encoding="utf-8") as lines:
            return [line for line in lines if str(self.node.top) in line]

    def assert_clean_after_a_restart(self):
        self.node.start()
        self.assertEqual(self.node.run(command="echo again")["stdout"], "again\n")
        wait_until(lambda: not list(self.node.base.glob("session-*")), "no session's directory", 5)
        wait_until(lambda: not list((self.node.base / ".trash").iterdir()), "an empty trash", 5)
        self.assertEqual(self.mounts_below(), [])
        self.node.stop()
        self.assertEqual(self.left_groups(), [])
        self.assertEqual(self.node.census(self.node.node_mark), [])

    def test_the_node_is_killed(self):
        self.node.kill()
        self.assert_all_gone()
        wait_until(lambda: not self.node.census(self.node.node_mark), "launcher and shims gone", 5)
        self.assert_clean_after_a_restart()

    def test_the_launcher_is_killed(self):
        jobs = [job["job_id"] for job in self.node.get("/v1/jobs").json["jobs"]]
        old = self.node.launcher()
        os.kill(old, signal.SIGKILL)
        # It only forks: jobs go on, and end as they would have.
        self.assertEqual(self.node.run(command="echo on")["stdout"], "on\n")
        for job in jobs:
            self.node.post(f"/v1/jobs/{job}/cancel")
        for job in jobs:
            self.assertEqual(self.node.result(job)["teardown"]["survivors"], 0)
        self.assert_all_gone()
        self.node.stop()
        self.assert_clean_after_a_restart()

    def test_the_launcher_and_the_node_are_killed(self):
        os.kill(self.node.launcher(), signal.SIGKILL)
        self.node.kill()
        self.assert_all_gone()
        self.assert_clean_after_a_restart()

    def test_a_second_launcher_and_the_node_are_killed(self):
        os.kill(self.node.launcher(), signal.SIGKILL)
        _, marker = self.start_tree("daemon", "stay")
        self.markers.append(marker)
        os.kill(self.node.launcher(), signal.SIGKILL)
        self.node.kill()
        self.assert_all_gone()
        self.assert_clean_after_a_restart()

    def test_the_shims_are_killed(self):
        for shim in self.node.shims():
            os.kill(shim, signal.SIGKILL)
        self.assert_all_gone()
        for job in self.node.get("/v1/jobs").json["jobs"]:
            self.assertEqual(self.node.result(job["job_id"])["reason"]["code"], "launcher_lost")
        self.node.stop()
        self.assert_clean_after_a_restart()

    def test_all_of_it_is_killed(self):
        self.need("pid")  # without it nobody is left to look for them before the next start
        for pid in (self.node.launcher(), *self.node.shims(), self.node.pid):
            os.kill(pid, signal.SIGKILL)
        self.node.kill()
        self.assert_all_gone()
        self.assert_clean_after_a_restart()


in_modes(globals(), Trees)
in_modes(globals(), SuddenDeaths)

if __name__ == "__main__":
    unittest.main()
