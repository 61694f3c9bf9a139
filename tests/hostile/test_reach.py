"""What a job must not reach: the node, the machine, its network, other jobs."""

import contextlib
import os
import socket
import threading
import unittest

from hostile import (ATTACKER, HostileNode, HostileTest, clean_environment, files_below, in_modes,
                     wait_until, why_not)

SECRET = "worker-secret-" + os.urandom(6).hex()
KERNEL = ("userns", "unshare", "clone", "clone3", "mount", "remount", "umount", "open_tree", "fsopen",
          "pivot_root", "setns=/proc/self/ns/mnt", "setns=/proc/self/ns/user", "setns=/proc/1/ns/net",
          "open_by_handle", "add_key", "keyctl", "bpf", "perf", "userfaultfd", "io_uring", "module", "kernel_log",
          "clock", "new_privs", "hostname", "chroot")
SETTINGS = ("write=/proc/sys/vm/dirty_ratio", "write=/proc/sys/kernel/core_pattern",
            "write=/proc/sys/kernel/hostname", "write=/proc/sysrq-trigger", "write=/proc/sys/net/ipv4/ip_forward",
            "write=/sys/kernel/mm/transparent_hugepage/enabled", "list=/sys/fs/cgroup", "make=/usr/bin/mine",
            "make=/etc/mine", "write=/etc/passwd", "read=/etc/shadow", "write=/dev/mem", "write=/dev/kmsg",
            "list=/root", "mknod", "setuid", "machine_userns")


class Neighbours:
    """Servers on the machine's loopback and in its abstract names, that answer."""

    def __init__(self):
        self.name = f"ocw-hostile-{os.getpid()}-{os.urandom(3).hex()}"
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.abstract = socket.socket(socket.AF_UNIX)
        self.abstract.bind("\0" + self.name)
        self.abstract.listen()
        threading.Thread(target=self.echo, daemon=True).start()

    def echo(self):
        with contextlib.suppress(OSError):
            while True:
                data, peer = self.udp.recvfrom(100)
                self.udp.sendto(data, peer)

    def attacks(self):
        return (f"tcp={self.tcp.getsockname()[1]}", f"udp={self.udp.getsockname()[1]}",
                f"abstract={self.name}", "raw", "packet", "netlink", "vsock", "alg")

    def close(self):
        for one in (self.tcp, self.udp, self.abstract):
            one.close()


class Reach(HostileTest):
    settings = ("--worker.concurrency=8", "--governance.memory_overcommit=0", "--governance.cpu_overcommit=0")

    @classmethod
    def setUpClass(cls):
        if reason := why_not(cls.mode):
            raise unittest.SkipTest(reason)
        cls.node = HostileNode(cls.mode, *cls.settings, env={**clean_environment(), "WORKER_SECRET": SECRET})
        cls.addClassCleanup(cls.node.close)

    def test_calls_that_reach_around_what_holds_a_job(self):
        self.need("seccomp")
        # In a container of this kind clone3 and the keys are denied above us already.
        self.assert_denied(self.node.attack(*KERNEL))

    def test_settings_and_devices_of_the_machine(self):
        but = ()
        if not {"userns", "own_uid"} & set(self.node.layers()):
            but = ("setuid", "mknod")
        if "userns" not in self.node.layers():
            but += ("machine_userns",)
        self.assert_denied(self.node.attack(*SETTINGS), *but)

    def test_the_nodes_processes(self):
        attacks = []
        for pid in (self.node.pid, self.node.launcher(), *self.node.shims()):
            attacks += [f"{name}={pid}" for name in ("environ", "mem", "fds", "root", "trace", "vm_read", "signal")]
        self.assert_denied(self.node.attack(*attacks, f"find={SECRET}", f"find={self.node.token}",
                                            f"find={self.node.node_mark['OCW_MARK']}"))

    def test_the_nodes_files(self):
        files = [path for path in files_below(self.node.state_dir) if self.node.base not in path.parents]
        self.assertIn(self.node.state_dir / "token", files)
        attacks = [f"{how}={path}" for path in (*files, self.node.outside)
                   for how in ("read", "write")]
        attacks += [f"list={self.node.state_dir}/{name}" for name in ("", "store", "store/spool", "sessions/.trash")]
        attacks += [f"make={self.node.state_dir}/mine", f"make={self.node.top}/mine", f"make={self.node.base}/mine"]
        outcomes = self.node.attack(*attacks)
        # The session's own parts of the way to it are not the node's.
        own = [name for name in outcomes if name.startswith(f"list={self.node.state_dir}/")
               or name.startswith("make=")] if "mount" in self.node.layers() else []
        self.assert_denied(outcomes, *own)
        self.assertEqual([path for path in (self.node.state_dir / "mine", self.node.top / "mine",
                                            self.node.base / "mine") if path.exists()], [])
        for name in own:
            if name.startswith("list="):
                self.assertNotIn(b"store", self.node.run(argv=["ls", "-a", name[5:]])["stdout"].encode())

    def test_the_environment_holds_only_what_is_said(self):
        names = {line.split("=")[0] for line in self.node.run(argv=["env"])["stdout"].splitlines()}
        self.assertLessEqual(names, {"PATH", "HOME", "TMPDIR", "LANG", "TERM", "OUTPUT_DIR", "JOB_ID", "SESSION_ID",
                                     "USER", "LOGNAME", "SHELL", "PWD", "_", "SHLVL"})

    def test_the_machines_network(self):
        if not {"net", "no_inet"} & set(self.node.layers()):
            self.need("net")
        neighbours = Neighbours()
        self.addCleanup(neighbours.close)
        attacks = (*neighbours.attacks(), f"tcp={self.node.port}")
        self.assert_denied(self.node.attack(*attacks))

    def test_loopback_inside(self):
        self.need("net")
        self.assertEqual(self.node.attack("loopback"), {"loopback": "DONE"})

    def test_one_session_and_another(self):
        number = str(1_000_000 + int.from_bytes(os.urandom(3), "big"))
        planted = self.node.submit(argv=["./attacker", "plant", number], files=ATTACKER,
                                   stdin={"content_base64": "", "open": True})
        self.addCleanup(self.node.post, f"/v1/jobs/{planted}/cancel")
        wait_until(lambda: self.node.logs(planted).startswith(b"up"), "the first session")
        marker = f"session-{self.node.state(planted)['session_id']}"
        session = self.node.base / marker
        pids = self.node.census({"SESSION_ID": marker[8:]})
        self.assertTrue(pids)
        attacks = [f"abstract=ocw-{number}", *(f"{how}={place}/ocw-{number}" for how in ("read", "write")
                                               for place in ("/tmp", "/dev/shm", "/var/tmp", session / "work"))]
        attacks += [f"list={session}/{name}" for name in ("work", "output", "tmp")] + [f"list={session}"]
        attacks += [f"{how}={pids[-1]}" for how in ("environ", "mem", "fds", "root", "trace", "signal")]
        if "pid" in self.node.layers():
            attacks.append(f"see={pids[-1]}")
        if "ipc" in self.node.layers():
            attacks += [f"shm={number}", f"queue=ocw-{number}"]
        # Process numbers inside are small; one of the machine's may be there by chance.
        outcomes = self.node.attack(*attacks)
        self.assert_denied(outcomes)
        # What was planted is there: whoever is in the same session finds it.
        self.node.post(f"/v1/jobs/{planted}/stdin?eof=1", b"x")
        self.assertEqual(self.node.result(planted)["exit_code"], 0)
        self.need("ipc")  # else such things are seen by others, and no layer says otherwise


in_modes(globals(), Reach)

if __name__ == "__main__":
    unittest.main()
