"""That the attacks are attacks: each is denied by a mechanism, and works where that one is off.

A row is: an attack, what has to be off for the mechanism to be the one that denies it, and the
mechanism (with what would stand in for it).
"""

import ctypes
import os
import signal
import unittest

from hostile import ATTACKER, AS_USER, CONTAINER, ROOT, HostileNode, new_marker, wait_until, why_not
from test_reach import Neighbours

libc = ctypes.CDLL(None, use_errno=True)


class SharedMemory:
    """A System V segment that everybody may read."""

    def __init__(self):
        self.key = 2_000_000 + int.from_bytes(os.urandom(3), "big")
        self.id = libc.shmget(self.key, 4096, 0o1644)  # IPC_CREAT
        assert self.id >= 0, os.strerror(ctypes.get_errno())

    def close(self):
        libc.shmctl(self.id, 0, None)  # IPC_RMID


class NodesOfControls(unittest.TestCase):

    def node(self, mode, disabled):
        if reason := why_not(mode):
            self.skipTest(reason)
        settings = [f"--isolation.disable={','.join(disabled)}"] if disabled else []
        node = HostileNode(mode, "--governance.memory_overcommit=0", *settings)
        self.addCleanup(node.close)
        return node


class Controls(NodesOfControls):

    def compare(self, mode, before, mechanisms, attacks_on):
        """Runs the same attacks with and without a mechanism, on a node each."""
        node = self.node(mode, before)
        self.assertIn(mechanisms[0], node.layers())
        denied = attacks_on(node)
        without = self.node(mode, [*before, *mechanisms])
        self.assertNotIn(mechanisms[0], without.layers())
        worked = attacks_on(without)
        node.close()
        without.close()
        for (name, what), (_, other) in zip(denied.items(), worked.items()):
            with self.subTest(name.split("=")[0], without=mechanisms[0]):
                self.assertNotEqual(what, "DONE")
                self.assertEqual(other, "DONE")

    def test_mount(self):
        for mode in (ROOT, AS_USER):
            with self.subTest(mode):
                self.compare(mode, ["own_uid"] if mode == AS_USER else [], ["mount", "landlock"],
                             lambda node: node.attack(f"read={node.outside}"))

    def test_landlock(self):
        for mode, before in ((ROOT, ["mount"]), (AS_USER, ["mount"]), (CONTAINER, [])):
            with self.subTest(mode):
                self.compare(mode, before, ["landlock"], lambda node: node.attack(f"read={node.outside}"))

    def test_landlock_keeps_signals_in(self):
        self.compare(AS_USER, ["mount"], ["landlock"], lambda node: node.attack(f"signal={node.pid}"))

    def test_pid(self):
        for mode in (ROOT, AS_USER):
            with self.subTest(mode):
                self.compare(mode, [], ["pid"], lambda node: node.attack(f"see={node.pid}"))

    def test_ipc(self):
        memory = SharedMemory()
        self.addCleanup(memory.close)
        for mode in (ROOT, AS_USER):
            with self.subTest(mode):
                self.compare(mode, [], ["ipc"], lambda node: node.attack(f"shm={memory.key}"))

    def test_net(self):
        neighbours = Neighbours()
        self.addCleanup(neighbours.close)
        reached = neighbours.attacks()[:3]
        for mode in (ROOT, AS_USER):
            with self.subTest(mode):
                self.compare(mode, [], ["net", "no_inet"], lambda node: node.attack(*reached))

    def test_no_inet(self):
        neighbours = Neighbours()
        self.addCleanup(neighbours.close)
        self.compare(CONTAINER, ["landlock"], ["no_inet"], lambda node: node.attack(*neighbours.attacks()[:2]))

    def test_seccomp(self):
        for mode in (ROOT, AS_USER):
            with self.subTest(mode):
                self.compare(mode, [], ["seccomp"], lambda node: node.attack(
                    "userns", "clone", "add_key", "keyctl", "io_uring", "userfaultfd"))

    def test_no_new_privs(self):
        self.compare(ROOT, ["seccomp", "landlock"], ["no_new_privs"], lambda node: node.attack("new_privs"))

    def test_own_uid(self):
        self.compare(ROOT, [], ["own_uid"], lambda node: node.attack("setuid", "mknod", "nice"))

    def test_userns(self):
        self.compare(ROOT, [], ["userns"], lambda node: node.attack("machine_userns"))


class ControlsOfGroups(NodesOfControls):
    """The same for what is measured, not denied."""

    def use(self, node, *words, **request):
        return node.run(argv=["./attacker", *words], files=ATTACKER, **request)

    def both(self, mechanism):
        groups = ["cgroup_memory", "cgroup_cpu", "cgroup_pids", "cgroup_kill"]
        held = self.node(ROOT, [])
        if mechanism not in held.layers():
            self.skipTest(f"no {mechanism}: {held.isolation()['why_not']}")
        return held, self.node(ROOT, [mechanism] if mechanism in groups else groups)

    def test_cgroup_memory(self):
        held, free = self.both("cgroup_memory")
        for node, status in ((held, "failed"), (free, "finished")):
            self.assertEqual(self.use(node, "memory_file", "200", limits={"memory": "64MB"})["status"], status)

    def test_cgroup_cpu(self):
        held, free = self.both("cgroup_cpu")
        self.assertLessEqual(float(self.use(held, "spin", "2", "1000", limits={"cpu": 0.25})["stdout"]), 0.35)
        self.assertGreater(float(self.use(free, "spin", "2", "1000", limits={"cpu": 0.25})["stdout"]), 0.35)

    def test_cgroup_pids(self):
        held, free = self.both("cgroup_pids")
        self.assertLess(int(self.use(held, "forks", "60", limits={"pids": 20})["stdout"]), 20)
        self.assertEqual(int(self.use(free, "forks", "60", limits={"pids": 20})["stdout"]), 60)

    def survivors(self, mechanisms_off, restart):
        """Who is left of a daemon when launcher, shim and node are killed at once."""
        node = self.node(ROOT, mechanisms_off)
        marker = new_marker()
        job = node.submit(argv=["./attacker", "tree", "daemon", "stay"], files=ATTACKER, env=marker)
        wait_until(lambda: node.logs(job) == b"up\n", "the daemon")
        for pid in (node.launcher(), *node.shims(), node.pid):
            os.kill(pid, signal.SIGKILL)
        node.kill()
        if restart:
            node.start()
        try:
            wait_until(lambda: not node.census(marker), "nobody", 2)
        except AssertionError:
            pass
        left = node.census(marker)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        return left

    def test_pid_ends_everybody_when_all_of_the_node_is_killed(self):
        self.assertEqual(self.survivors([], False), [])
        self.assertNotEqual(self.survivors(["pid"], False), [])

    def test_control_groups_find_at_the_next_start_who_is_left(self):
        groups = ["cgroup_memory", "cgroup_cpu", "cgroup_pids", "cgroup_kill"]
        self.assertEqual(self.survivors(["pid"], True), [])
        self.assertNotEqual(self.survivors(["pid", *groups], True), [])


if __name__ == "__main__":
    unittest.main()
