"""A real node for end-to-end tests: the built binary, its own state directory,
free ports on loopback, and small clients for HTTP, SSE and WebSocket that use
nothing but the standard library.

OCW_BIN names the binary under test (default build/release/bin/opencode-worker).
"""

import base64
import contextlib
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("OCW_BIN", str(ROOT / "build/release/bin/opencode-worker"))
# Sanitized binaries are slow; nothing here waits for a time to pass, so a long
# deadline costs nothing when all is well.
DEADLINE_S = float(os.environ.get("OCW_TEST_DEADLINE", "60"))


def wait_until(condition, what, deadline_s=DEADLINE_S):
    """Waits for condition() to be true; fails the test with `what` if not."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline_s} s: {what}")
        time.sleep(0.01)


def is_sanitized():
    """Whether the binary was built to be checked, which takes memory and time of its own."""
    return any(mark in pathlib.Path(BINARY).read_bytes() for mark in (b"__asan_init", b"__tsan_init"))


def clean_environment(**more):
    """This process's environment without settings of a node that may be installed here."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("OPENCODE_WORKER_")}
    return {**kept, "XDG_CONFIG_HOME": "/nonexistent", **more}


def run_binary(*words, input=b"", env=None, cwd=None, deadline_s=DEADLINE_S):
    """Runs a command of the binary to its end; its output is bytes."""
    return subprocess.run([BINARY, *words], input=input, capture_output=True, cwd=cwd, check=False,
                          env=clean_environment() if env is None else env, timeout=deadline_s)


# Standard input that more is sent to.
OPEN_INPUT = {"content_base64": "", "open": True}


class Reply:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)


# Jobs of such a node see the machine's files. For tests whose jobs leave a word outside of their
# session, such as in which order they ran.
SEES_THE_MACHINE = ("--isolation.disable=mount,pid,userns,ipc,uts,net,landlock,own_uid",)


def files_below(directory):
    """Every file, while others may still remove some."""
    for top, _, names in os.walk(directory):
        for name in names:
            path = pathlib.Path(top, name)
            if path.is_file():
                yield path


class Node:
    """One `opencode-worker serve`, ended and cleaned up by close()."""

    binary = [BINARY]  # before "serve"; a program in front of it has to become it

    def __init__(self, *settings, state_dir=None, env=None, wait=True, log_file=None, ca_file=None,
                 user=None):
        self.user = user  # run by whom we are, if it is None
        self.own_state = state_dir is None
        self.state_dir = pathlib.Path(state_dir or tempfile.mkdtemp(prefix="ocw-e2e-"))
        self.base = self.state_dir / "sessions"
        self.log_file = pathlib.Path(log_file or self.state_dir / "log")
        self.settings = [f"--state_dir={self.state_dir}", "--api.port=0", "--websocket.port=0",
                         f"--session.base_dir={self.base}",
                         # Jobs of tests run what they like, in any tier; test_policy sets it.
                         "--security.require_command_validation=false", *settings]
        self.env = clean_environment() if env is None else env
        self.tls = ssl.create_default_context(cafile=ca_file) if ca_file else None
        self.process = None
        try:
            if user is not None:
                self.give_to_user()
            self.start(wait)
        except BaseException:
            self.close()
            raise

    def give_to_user(self):
        """The state directory is the user's, and the programs are where every user reaches them."""
        programs = self.state_dir / "programs"
        programs.mkdir()
        for name in ("opencode-worker", "opencode-worker-launcher"):
            shutil.copy(pathlib.Path(BINARY).parent / name, programs / name)
        self.binary = [str(programs / "opencode-worker")]
        os.chown(self.state_dir, self.user, self.user)

    def start(self, wait=True):
        ready = self.state_dir / "node.json"
        ready.unlink(missing_ok=True)
        self.log = open(self.log_file, "ab")
        as_user = {} if self.user is None else {"user": self.user, "group": self.user, "extra_groups": []}
        self.process = subprocess.Popen([*self.binary, "serve", *self.settings], stdout=self.log,
                                        stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                        env=self.env, **as_user)
        if not wait:
            return
        wait_until(lambda: ready.exists() or self.process.poll() is not None, "node.json")
        if self.process.poll() is not None:
            raise AssertionError("the node ended: " + self.log_text())
        about = json.loads(ready.read_text())
        self.url = about["api_url"]
        self.port = int(self.url.rsplit(":", 1)[1])
        self.websocket_port = int(about["websocket_url"].rsplit(":", 1)[1].strip("/"))
        self.token = (self.state_dir / "token").read_text().strip()

    def log_text(self):
        return self.log_file.read_text(errors="replace")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def restart(self):
        """Ends the node as a service manager would, and starts it again on the same state."""
        self.stop()
        self.start()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(DEADLINE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError("the node did not stop on SIGTERM") from None
        self.log.close()
        return self.process.returncode

    def close(self):
        try:
            if self.process:
                self.stop()
        finally:
            if self.own_state:
                shutil.rmtree(self.state_dir, ignore_errors=True)

    # -- what the kernel says of it -------------------------------------------

    @property
    def pid(self):
        return self.process.pid

    def rss_kb(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    def fd_count(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def launcher(self):
        """The process id of the node's launcher; None while there is none."""
        found = [pid for pid in children_of(self.pid) if name_of(pid) == "ocw-launcher"]
        return found[0] if found else None

    # -- HTTP -----------------------------------------------------------------

    def connect(self):
        if self.tls:
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=DEADLINE_S,
                                               context=self.tls)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)

    def head(self, method, path, *lines, version="1.1"):
        """The head of a request as bytes, with the token and further header lines."""
        return "\r\n".join([f"{method} {path} HTTP/{version}", "Host: localhost",
                            f"Authorization: Bearer {self.token}", *lines, "", ""]).encode()

    def raw(self, data, port=None, timeout_s=10):
        """Sends bytes as they are and returns all that comes back until the node closes."""
        with socket.create_connection(("127.0.0.1", port or self.port), timeout=timeout_s) as peer:
            out = b""
            with contextlib.suppress(ConnectionError):
                peer.sendall(data)
            with contextlib.suppress(ConnectionError, OSError):
                peer.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionError):
                while piece := peer.recv(65536):
                    out += piece
            return out

    def call(self, method, path, body=None, headers=None, token=True):
        connection = self.connect()
        try:
            head = dict(headers or {})
            if token:
                head.setdefault("Authorization", f"Bearer {self.token}")
            if isinstance(body, (dict, list)):
                body = json.dumps(body)
                head.setdefault("Content-Type", "application/json")
            connection.request(method, path, body=body, headers=head)
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def get(self, path, **more):
        return self.call("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.call("POST", path, body, **more)

    def submit(self, **request):
        reply = self.post("/v1/jobs", request)
        assert reply.status == 201, reply.body
        return reply.json["job_id"]

    def run(self, wait=60, **request):
        """Submits a job and returns its result."""
        reply = self.post(f"/v1/jobs?wait={wait}", request)
        assert reply.status == 201, reply.body
        result = reply.json
        assert "exit_code" in result, f"not ended within {wait} s: {result}"
        return result

    def state(self, job):
        return self.get(f"/v1/jobs/{job}").json

    def wait_for(self, job, *statuses):
        return wait_until(lambda: (s := self.state(job))["status"] in statuses and s,
                          f"{job} to be {statuses}")

    def wait_for_phase(self, job, *phases):
        return wait_until(lambda: (s := self.state(job))["phase"] in phases and s,
                          f"{job} in {phases}")

    def result(self, job):
        reply = self.get(f"/v1/jobs/{job}/output?wait=60")
        assert reply.status == 200, reply.body
        return reply.json

    def logs(self, job, stream="stdout", query=""):
        return self.get(f"/v1/jobs/{job}/logs?stream={stream}{query}").body

    # -- streams --------------------------------------------------------------

    def events(self, job, query="", headers=None):
        """All events of a job by SSE, until the stream ends."""
        return list(self.sse(job, query, headers))

    def sse(self, job, query="", headers=None):
        connection = self.connect()
        try:
            connection.request("GET", f"/v1/jobs/{job}/events{query}", headers={
                "Authorization": f"Bearer {self.token}", "Accept": "text/event-stream",
                **(headers or {})})
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()
            data, number = None, None
            for line in answer:
                line = line.rstrip(b"\r\n")
                if line.startswith(b"id: "):
                    number = int(line[4:])
                elif line.startswith(b"data: "):
                    data = json.loads(line[6:])
                elif not line and data is not None:
                    assert number == data["seq"]
                    yield data
                    data = None
        finally:
            connection.close()

    def websocket(self, port=None, path="/v1/stream", headers=None, token=True):
        return WebSocket("127.0.0.1", port or self.port, path,
                         self.token if token else None, headers or {}, self.tls)


class WebSocket:
    """A client for RFC 6455. Use it in a `with`, or close it."""

    def __init__(self, host, port, path, token, headers, tls=None):
        self.socket = socket.create_connection((host, port), timeout=DEADLINE_S)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname=host)
        key = base64.b64encode(os.urandom(16)).decode()
        head = {"Host": f"{host}:{port}", "Upgrade": "websocket", "Connection": "Upgrade",
                "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13"}
        if token:
            head["Authorization"] = f"Bearer {token}"
        head.update(headers)
        lines = [f"GET {path} HTTP/1.1"] + [f"{name}: {value}" for name, value in head.items()]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.file = self.socket.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        while self.file.readline() not in (b"\r\n", b""):
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, message):
        self.send_raw(json.dumps(message).encode())

    def send_raw(self, payload, opcode=1, final=True):
        mask = os.urandom(4)
        head = bytes([(0x80 if final else 0) | opcode])
        if len(payload) < 126:
            head += bytes([0x80 | len(payload)])
        elif len(payload) < 65536:
            head += bytes([0x80 | 126]) + struct.pack(">H", len(payload))
        else:
            head += bytes([0x80 | 127]) + struct.pack(">Q", len(payload))
        pad = (mask * (len(payload) // 4 + 1))[:len(payload)]
        body = (int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")).to_bytes(len(payload), "big")
        self.socket.sendall(head + mask + body)

    def frame(self):
        """The next frame as (opcode, payload); (8, b"") at the end of the connection."""
        try:
            head = self.file.read(2)
            if len(head) < 2:
                return 8, b""
            length = head[1] & 127
            if length == 126:
                length = struct.unpack(">H", self.file.read(2))[0]
            elif length == 127:
                length = struct.unpack(">Q", self.file.read(8))[0]
            return head[0] & 15, self.file.read(length)
        except ConnectionError:
            return 8, b""

    def receive(self):
        """The next message; ("close", code) when the node closes."""
        while True:
            opcode, payload = self.frame()
            if opcode == 8:
                return ("close", struct.unpack(">H", payload[:2])[0] if payload else None)
            if opcode == 9:
                self.send_raw(payload, 10)
            elif opcode == 1:
                return json.loads(payload)

    def until(self, *types):
        """Messages up to and with the first of one of `types`."""
        seen = []
        while True:
            message = self.receive()
            assert not isinstance(message, tuple), f"closed: {message}, after {seen[-3:]}"
            seen.append(message)
            if message["type"] in types:
                return seen

    def close(self):
        self.file.close()
        self.socket.close()


def chunk_bytes(event):
    data = event["data"]
    if data.get("encoding") == "base64":
        return base64.b64decode(data["chunk"])
    return data["chunk"].encode()


def output_of(events, stream="stdout"):
    """The bytes of a stream as its events carry them, checked for gaps."""
    out = bytearray()
    for event in events:
        if event["type"] == "job_output" and event["data"]["stream"] == stream:
            if event["data"].get("truncated"):
                continue
            assert event["data"]["offset"] == len(out), "a gap, or a repeat"
            out += chunk_bytes(event)
    return bytes(out)


def check_history(events, first=1):
    """The rules every history keeps."""
    assert [e["seq"] for e in events] == list(range(first, first + len(events)))
    last = [e for e in events if e["type"] in ("job_complete", "job_error")]
    assert len(last) == 1 and last[0] is events[-1], "one terminal event, last"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def processes_with(marker):
    """Processes that have `marker`, a text or a dict of one variable, in their environment."""
    if isinstance(marker, dict):
        marker = "=".join(next(iter(marker.items())))
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if marker.encode() in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
    return found


def name_of(pid):
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    return None


def parent_of(pid):
    with contextlib.suppress(OSError):
        # The name in parentheses may hold anything, so what follows the last one counts.
        return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    return None


def children_of(pid):
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit() and parent_of(entry) == pid]


def new_marker():
    """A variable for a job's environment by which its processes are found again."""
    return {"OCW_MARK": f"{os.getpid()}-{time.monotonic_ns()}-{os.urandom(4).hex()}"}


class NodeTest(unittest.TestCase):
    """Tests that share one node; `settings` says how it is started."""

    settings = ()

    @classmethod
    def setUpClass(cls):
        cls.node = Node(*cls.settings)
        cls.addClassCleanup(cls.node.close)


if __name__ == "__main__":
    raise SystemExit("run the test_*.py files")
