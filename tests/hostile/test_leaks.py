"""A thousand sessions leave nothing behind: files, mounts, networks, groups, processes."""

import contextlib
import os
import pathlib
import threading
import unittest

from hostile import AS_USER, CONTAINER, ROOT, HostileTest, in_modes, wait_until

SESSIONS = {ROOT: 1000, AS_USER: 300, CONTAINER: 300}


class Leaks(HostileTest):
    settings = ("--worker.concurrency=4", "--governance.memory_overcommit=0", "--governance.cpu_overcommit=0")

    def counts(self):
        node, launcher = self.node, self.node.launcher()
        ours = [node.pid, launcher, *node.shims()]
        networks = {os.readlink(f"/proc/{pid}/ns/net") for pid in self.node.group.processes()}
        return {
            "descriptors of the node": node.fd_count(),
            "descriptors of the launcher": len(os.listdir(f"/proc/{launcher}/fd")),
            "most descriptors of a shim": max(len(os.listdir(f"/proc/{pid}/fd")) for pid in ours[2:]),
            "mounts of the machine": len(pathlib.Path("/proc/self/mountinfo").read_text().splitlines()),
            "mounts of the launcher": len(pathlib.Path(f"/proc/{launcher}/mountinfo").read_text().splitlines()),
            "networks": len(networks),
            "control groups": sum(name.isdigit() for top, names, _ in os.walk("/sys/fs/cgroup")
                                  for name in names if f"/{self.name}" in top),
            "shims": len(ours) - 2,
            "processes": len(node.group.processes()),
            "sessions": len(list(node.base.glob("session-*"))) + len(list((node.base / ".trash").iterdir())),
        }

    def run_many(self, count):
        def some():
            for _ in range(count // 4):
                results.append(self.node.run(command="echo $$ >f; (sleep 30 &)")["teardown"]["survivors"])

        results = []
        threads = [threading.Thread(target=some) for _ in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        self.assertEqual((len(results), sum(results)), (count, 0))

    def test_counts_return_to_where_they_were(self):
        self.name = next((line.split("/")[-2] for line in
                          self.node.run(argv=["cat", "/proc/self/cgroup"])["stdout"].splitlines()
                          if "opencode-worker-" in line), "opencode-worker-none")
        self.run_many(40)  # so that there are as many shims as there will be
        wait_until(lambda: self.counts()["sessions"] == 0, "no session", 10)
        before = self.counts()
        self.run_many(SESSIONS[self.mode])
        wait_until(lambda: self.counts()["sessions"] == 0, "no session", 10)
        # A connection that was just closed may still be counted for a moment.
        with contextlib.suppress(AssertionError):
            wait_until(lambda: not self.grown(before), "the counts of before", 5)
        self.assertEqual(self.grown(before), {})

    def grown(self, before):
        return {what: (before[what], now) for what, now in self.counts().items() if now > before[what]}


in_modes(globals(), Leaks)

if __name__ == "__main__":
    unittest.main()
