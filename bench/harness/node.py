"""A node of our own: started for a scenario, measured, and ended again."""

import http.client
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from harness import proc

READY_DEADLINE_S = 20
STOP_DEADLINE_S = 20


class Failed(Exception):
    """A scenario cannot go on; the message says why."""


def raise_file_limit():
    """A thousand jobs need some thousand descriptors; children inherit this."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Places:
    """Where nodes keep their state and their sessions."""

    def __init__(self, disk_root=None):
        # /tmp is memory on many systems, and a sync of memory costs nothing.
        if disk_root is None and os.access("/var/tmp", os.W_OK):
            disk_root = "/var/tmp"
        self.disk = tempfile.mkdtemp(prefix="ocw-bench-", dir=disk_root)
        memory = "/dev/shm"
        self.sessions = self.disk
        if os.access(memory, os.W_OK) and proc.filesystem_of(memory) == "tmpfs":
            self.sessions = tempfile.mkdtemp(prefix="ocw-bench-", dir=memory)

    def describe(self):
        return {
            "store": proc.filesystem_of(self.disk),
            "sessions": proc.filesystem_of(self.sessions),
        }

    def remove(self):
        for path in {self.disk, self.sessions}:
            shutil.rmtree(path, ignore_errors=True)


class Node:
    """`opencode-worker serve` with a fresh state directory."""

    count = 0

    def __init__(self, programs, places, settings):
        Node.count += 1
        self.programs = programs
        self.state = os.path.join(places.disk, f"state-{Node.count}")
        self.sessions = os.path.join(places.sessions, f"sessions-{Node.count}")
        self.settings = settings
        self.process = None
        self.port = 0
        self.ready_ms = 0.0

    def __enter__(self):
        self._start()
        return self

    def __exit__(self, *_):
        self._stop()

    @property
    def pid(self):
        return self.process.pid

    def _arguments(self):
        values = {
            "api.port": self.port,
            "websocket.port": proc.free_port(),
            "session.base_dir": self.sessions,
            "session.max_output_size_mb": 4096,
            "governance.cpu_overcommit": 0,
            "governance.memory_overcommit": 0,
            "security.require_command_validation": "false",
            "logging.level": "warn",
            "logging.output": "file",
            "logging.log_file_path": os.path.join(self.state, "node.log"),
        }
        values.update(self.settings)
        arguments = [f"--{key}={value}" for key, value in values.items()]
        return ["serve", f"--state_dir={self.state}", *arguments]

    def _start(self):
        os.makedirs(self.state, mode=0o700)
        os.makedirs(self.sessions, mode=0o700)
        self.port = proc.free_port()
        command = [self.programs.worker, *self._arguments()]
        self.output = open(os.path.join(self.state, "output"), "wb")
        before = time.monotonic()
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self.output,
            stderr=subprocess.STDOUT, start_new_session=True)
        try:
            self._wait_ready(before + READY_DEADLINE_S)
        except BaseException:
            self._stop()
            raise
        self.ready_ms = (time.monotonic() - before) * 1000

    def _wait_ready(self, deadline):
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise Failed(f"the node ended at once: {self._last_words()}")
            if self._is_ready():
                return
            time.sleep(0.0005)
        raise Failed(f"the node was not ready in {READY_DEADLINE_S} s: "
                     f"{self._last_words()}")

    def _is_ready(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 2) as link:
                link.sendall(b"GET /ready HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                             b"Connection: close\r\n\r\n" % self.port)
                return link.recv(64).startswith(b"HTTP/1.1 200")
        except OSError:
            return False

    def _last_words(self):
        with open(os.path.join(self.state, "output"), "rb") as file:
            return file.read()[-600:].decode("utf-8", "replace").strip()

    def _stop(self):
        """Ends the node and, should it leave any, what it started."""
        family = proc.tree(self.pid)
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.output.close()
        self._end_leftovers(set(family) - {self.pid})
        shutil.rmtree(self.state, ignore_errors=True)
        shutil.rmtree(self.sessions, ignore_errors=True)

    def _end_leftovers(self, pids):
        """Gives jobs and shims a moment to follow their node."""
        names = {pid: proc.comm(pid) for pid in pids}
        deadline = time.monotonic() + 5
        left = set(names)
        while left and time.monotonic() < deadline:
            left = {pid for pid in left if names[pid] and
                    proc.comm(pid) == names[pid]}
            time.sleep(0.02)
        if left:
            kinds = ", ".join(sorted({names[pid] for pid in left}))
            print(f"\nbench: the node left {len(left)} processes behind "
                  f"({kinds}); ending them", file=sys.stderr)
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    # -- asking it ------------------------------------------------------------

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def token_file(self):
        return os.path.join(self.state, "token")

    def ask(self, method, target, body=None):
        """One request; the answer's JSON."""
        with open(self.token_file, encoding="ascii") as file:
            token = file.read().strip()
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        text = None if body is None else json.dumps(body)
        headers = {"Authorization": f"Bearer {token}"}
        if text is not None:
            headers["Content-Type"] = "application/json"
        link.request(method, target, text, headers)
        reply = link.getresponse()
        content = reply.read()
        link.close()
        if reply.status >= 300:
            raise Failed(f"{method} {target}: {reply.status} {content[:300]!r}")
        return json.loads(content) if content else None

    def client(self, mode, *arguments):
        """Runs a mode of bench_client against this node; its figures."""
        return run_json([self.programs.client, mode, self.url, self.token_file,
                         *map(str, arguments)])

    def measured_client(self, mode, *arguments):
        """The same, and the node's CPU seconds: its own, and with the jobs."""
        meter = proc.CpuMeter([self.pid])
        figures = self.client(mode, *arguments)
        figures["node_cpu_s"], figures["all_cpu_s"] = meter.take()
        return figures


def run_json(command, timeout=300):
    """Runs a program that prints one JSON object."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=timeout, check=False)
    if done.returncode != 0:
        words = done.stderr.decode("utf-8", "replace").strip()[-600:]
        raise Failed(f"{os.path.basename(command[0])} {command[1]}: {words}")
    return json.loads(done.stdout)
