"""What no client should send, and what a machine should not be like: the node
says what is wrong, and goes on."""

import base64
import json
import os
import pathlib
import re
import select
import shutil
import socket
import subprocess
import tempfile
import time
import unittest

from harness import Node, NodeTest, files_below, run_binary, wait_until

CRASH_WORDS = ("terminate called", "AddressSanitizer", "ThreadSanitizer", "runtime error:", "Segmentation",
               "assertion", "stack smashing", "what():", '"level":"error"')


class BadTest(NodeTest):
    settings = ("--session.kill_grace_ms=200", "--governance.memory_overcommit=0",
                "--governance.cpu_overcommit=0")

    def tearDown(self):
        self.assertIsNone(self.node.process.poll(), "the node ended: " + self.node.log_text()[-2000:])
        self.assertEqual(self.node.run(command="echo still here")["stdout"], "still here\n")
        log = self.node.log_text()
        for word in CRASH_WORDS:
            self.assertNotIn(word, log)

    def send(self, request):
        body = request if isinstance(request, (bytes, str)) else json.dumps(request)
        return self.node.post("/v1/jobs", body, headers={"Content-Type": "application/json"})

    def refused(self, request, field=None, code="invalid_request", status=400):
        reply = self.send(request)
        self.assertEqual(reply.status, status, reply.body[:500])
        error = reply.json
        self.assertEqual(error["code"], code, error)
        self.assertLess(len(reply.body), 4000, "the answer repeats too much of the request")
        if field:
            self.assertEqual(error["details"]["field"], field, error)
        return error["error"]


class Fields(BadTest):

    def test_an_unknown_field_is_named_with_the_nearest_known_one(self):
        for request, field, nearest in (({"comand": "true"}, "comand", "command"),
                                        ({"command": "true", "Command": "x"}, "Command", "command"),
                                        ({"command": "true", "limits": {"memroy": 1}}, "limits.memroy",
                                         "memory"),
                                        ({"command": "true", "stream": {"chunksize": 1}}, "stream.chunksize",
                                         "chunk_size"),
                                        ({"command": "true", "files": {"a": {"content_base64": "",
                                                                             "mod": "1"}}},
                                         'files["a"].mod', "mode"),
                                        ({"command": "true", "xyzzy": 1}, "xyzzy", None)):
            with self.subTest(request=request):
                sentence = self.refused(request, field)
                self.assertIn(field.rsplit(".", 1)[-1], sentence)
                if nearest:
                    self.assertIn(nearest, sentence)

    def test_types_that_are_wrong(self):
        for field, value in (("command", 1), ("command", ["ls"]), ("command", {}), ("argv", "ls"),
                             ("argv", []),
                             ("argv", {}), ("argv", [1]), ("argv", [""]), ("job_id", 7), ("files", []),
                             ("files", {"a": 1}), ("files", {"a": {"content_base64": "!"}}),
                             ("files", {"a": {"content_base64": "YQ==", "mode": "0999"}}),
                             ("files", {"a": {"content_base64": "YQ==", "mode": "4755"}}),
                             ("env", []), ("env", {"A": 1}), ("env", {"A": None}), ("env", {"": "x"}),
                             ("env", {"A=B": "x"}), ("env", {"A\0": "x"}), ("env", {"A": "x\0y"}),
                             ("secrets", {"A": ""}), ("secrets", "x"), ("stdin", 1),
                             ("stdin", {"content": "x"}),
                             ("stdin", {"content_base64": "A"}), ("limits", []),
                             ("limits", {"memory": "lots"}),
                             ("limits", {"memory": "12XB"}), ("limits", {"memory": True}),
                             ("limits", {"timeout": "10s"}), ("limits", {"timeout": 1.5}),
                             ("limits", {"cpu": "2"}), ("limits", {"pids": -1}),
                             ("config", {"network": "wide"}),
                             ("config", {"mode": "master"}), ("stream", {"chunk_size": 0}),
                             ("stream", {"capture_stdout": "yes"}), ("artifacts", "*"),
                             ("artifacts", ["../*"]), ("artifacts", ["/etc/*"]), ("require", "namespace"),
                             ("labels", {"a": 1}), ("labels", {"": "x"}), ("constraints", ["gpu"]),
                             ("priority", 101), ("priority", -1), ("priority", "high"), ("priority", 1.5),
                             ("on_worker_lost", "retry"), ("metadata", []), ("metadata", "x"),
                             ("workspace", "relative"), ("workspace", 1)):
            with self.subTest(field=field, value=value):
                request = {field: value} if field in ("command", "argv") else {"command": "true",
                                                                               field: value}
                sentence = self.refused(request)
                self.assertIn(field, sentence)

    def test_what_is_no_object(self):
        for body in (b"", b" ", b"null", b"[]", b"1", b'"command"', b"true", b'[{"command":"true"}]', b"{}",
                     b"{", b"}", b'{"command":"true"', b'{"command":"true"}}', b'{"command":"true"} x',
                     b"{'command':'true'}", b'{"command":true', b'{"command":"a\nb"}', b'{"command":"\\u12"}',
                     b'{"command":"\\ud800"}', b'{"command":"true",}', b"\xef\xbb\xbf", b"\x00", b"nul",
                     b'{"command":"true","command":"false"}', b'{"command":"true","env":{"A":"1","A":"2"}}',
                     b'{"command":NaN}', b'{"command":"true","priority":1e999}', b'{"command":"true"/*x*/}'):
            with self.subTest(body=body):
                self.refused(body)

    def test_text_that_is_not_utf8(self):
        for body in (b'{"command":"\xff\xfe"}', b'{"command":"\xc3"}', b'{"command":"\xed\xa0\x80"}',
                     b'{"command":"\xc0\xaf"}', b'{"\xff":"x"}', b"\xff" * 1000):
            with self.subTest(body=body[:40]):
                self.refused(body)

    def test_a_nul_byte_ends_no_command_early(self):
        self.assertIn("NUL", self.refused({"command": "echo a\0b"}, "command"))
        self.assertIn("NUL", self.refused({"argv": ["echo", "a\0b"]}, "argv[1]"))

    def test_nesting_that_would_fill_a_stack(self):
        for depth in (65, 10_000, 1_000_000):
            for opening in (b"[", b'{"a":', b'{"command":"true","metadata":{"a":' + b"["):
                with self.subTest(depth=depth, opening=opening):
                    begin = time.monotonic()
                    self.refused(opening + b"[" * depth if opening.endswith(b"[") else opening * depth)
                    self.assertLess(time.monotonic() - begin, 10)

    def test_numbers_that_are_out_of_all_bounds(self):
        for field, values in (("timeout", (0, -1, 2 ** 63, 2 ** 64, 10 ** 30, -10 ** 30, 1e308)),
                              ("memory", (0, -1, 2 ** 64, 10 ** 30, "-1GB", "99999999999999999999GB", "0MB",
                                          "1e9GB")),
                              ("cpu", (0, -1, -0.0, 1e308, 10 ** 30)),
                              ("max_output_size", (0, -5, 2 ** 64, "17179869184GB")),
                              ("disk", (-1, 2 ** 64)), ("pids", (-1, 2 ** 32, 1.5)), ("gpu", (1, -1)),
                              ("queue_timeout", (-1, 2 ** 64)), ("idle_timeout", (-1, 2 ** 63))):
            for value in values:
                with self.subTest(field=field, value=value):
                    reply = self.send({"command": "true", "limits": {field: value}})
                    self.assertEqual(reply.status, 400, reply.body)
                    self.assertEqual(reply.json["details"]["field"], f"limits.{field}", reply.body)
        self.refused('{"command":"true","priority":' + "9" * 5000 + "}")
        self.refused('{"command":"true","limits":{"timeout":' + "9" * 400_000 + "}}")

    def test_a_limit_over_the_nodes_is_refused_with_its_value(self):
        for limits, field, words in (({"memory": "16GB"}, "limits.memory",
                                      ("16384", "8192", "max_memory_mb")),
                                     ({"cpu": 9}, "limits.cpu", ("9", "8", "max_cpu")),
                                     ({"timeout": 600001}, "limits.timeout",
                                      ("600001", "600000", "max_timeout_ms"))):
            with self.subTest(limits=limits):
                sentence = self.refused({"command": "true", "limits": limits}, field, "limit_exceeded")
                for word in words:
                    self.assertIn(word, sentence)

    def test_exactly_one_thing_to_run(self):
        for request in ({"command": "true", "argv": ["true"]}, {"command": "true", "prompt": "hi"},
                        {"argv": ["true"], "prompt": "hi"}, {"env": {"A": "1"}},
                        {"command": "true", "argv": ["true"], "prompt": "hi"}, {"command": ""},
                        {"command": None}):
            with self.subTest(request=request):
                self.refused(request)

    def test_metadata_has_a_bound(self):
        fits = {"m": "x" * (4096 - len('{"m":""}'))}
        self.assertEqual(self.node.run(command="true", metadata=fits)["metadata"], fits)
        self.refused({"command": "true", "metadata": {"m": "x" * 4096}}, "metadata")

    def test_ids(self):
        good = "a" * 128
        self.assertEqual(self.node.run(command="true", job_id=good)["job_id"], good)
        self.assertEqual(self.node.get(f"/v1/jobs/{good}").status, 200)
        for bad in ("a" * 129, ".", "..", ".hidden", "-x", "a/b", "a b", "a\nb", "a\0b", "ä", "a%2fb", "a\\b",
                    "../../etc", "a;b", "*", "a" * 100_000):
            with self.subTest(id=bad[:40]):
                self.refused({"command": "true", "job_id": bad}, "job_id")
        for path in ("..", "%2e%2e", "..%2f..%2fetc%2fpasswd", "a" * 129, "%00", "%ff", "%", "a%0d%0aX:y"):
            with self.subTest(path=path):
                self.assertIn(self.node.get(f"/v1/jobs/{path}").status, (400, 404))


class Files(BadTest):

    def test_paths_out_of_the_work_directory(self):
        for path in ("../x", "..", "/etc/x", "/", "a/../../x", "a/../b", "", "a//b", "./a", "a/.", ".", "a/",
                     "a\0b", "\0", "a/../..", "x/" * 3000 + "y", "n" * 256, "//x", "./", "a/./b"):
            with self.subTest(path=path[:40]):
                self.refused({"command": "true", "files": {path: "x"}})
        outside = [p for p in files_below(self.node.base.parent) if p.name == "x"]
        self.assertEqual(outside, [])

    def test_names_that_are_odd_but_fine(self):
        files = {"..a": "1", "a..": "2", "...": "3", "sp ace": "4", "new\nline": "5", "-rf": "6", "ü/ß": "7",
                 "a\\..\\b": "8", "*": "9", "n" * 255: "A"}
        result = self.node.run(command="find . -type f -print0 | sort -z | xargs -0 cat", files=files)
        self.assertEqual(sorted(result["stdout"]), sorted("123456789A"), result)

    def test_a_file_that_is_also_a_directory(self):
        self.assertIn("file", self.refused({"command": "true", "files": {"a": "x", "a/b": "y"}}))
        self.refused({"command": "true", "files": {"a/b/c": "x", "a": "y"}})
        self.refused('{"command":"true","files":{"a":"x","a":"y"}}')

    def test_files_do_not_follow_links_of_a_workspace(self):
        root = pathlib.Path(tempfile.mkdtemp(prefix="ocw-e2e-"))
        self.addCleanup(shutil.rmtree, root)
        shop = root / "roots" / "shop"
        shop.mkdir(parents=True)
        node = Node(f"--session.workspace_roots={root}/roots")
        self.addCleanup(node.close)
        (root / "outside").mkdir()
        (shop / "link").symlink_to(root / "outside")
        node.post("/v1/jobs?wait=30", {"command": "true", "workspace": str(shop),
                                       "files": {"link/x": "planted"}})
        self.assertEqual(list((root / "outside").iterdir()), [])

    def test_a_workspace_must_be_below_a_root(self):
        root = pathlib.Path(tempfile.mkdtemp(prefix="ocw-e2e-"))
        self.addCleanup(shutil.rmtree, root)
        shop = root / "roots" / "shop"
        shop.mkdir(parents=True)
        node = Node(f"--session.workspace_roots={root}/roots")
        self.addCleanup(node.close)
        (root / "outside").mkdir()
        (root / "roots" / "link").symlink_to(root / "outside")
        for path in (root / "outside", "/etc", "/", root, f"{root}/roots/../outside",
                     root / "roots" / "link"):
            with self.subTest(path=path):
                reply = node.post("/v1/jobs?wait=30", {"command": "pwd; : >mark", "workspace": str(path)})
                ran = reply.status == 201 and reply.json["status"] == "finished"
                self.assertFalse(ran, f"ran in {path}: {reply.body}")
        self.assertEqual(list((root / "outside").iterdir()), [])
        # A node that names no root offers none.
        reply = self.node.post("/v1/jobs?wait=30", {"command": "pwd", "workspace": str(shop)})
        self.assertFalse(reply.status == 201 and reply.json["status"] == "finished", reply.body)
        # It is used as work/; only without a root of its own does it show under its own name.
        node.run(command="echo kept >mark", workspace=str(shop))
        self.assertEqual((shop / "mark").read_text(), "kept\n")


class Sizes(BadTest):

    def test_variables_larger_than_a_program_takes(self):
        self.refused({"command": "true", "env": {"BIG": "x" * 200_000}}, 'env["BIG"]')
        self.refused({"command": "x" * 200_000}, "command")
        self.refused({"argv": ["true", "x" * 200_000]}, "argv[1]")
        reply = self.node.post("/v1/jobs?wait=60", {"command": "true", "env": {
            f"V{i}": "x" * 1000 for i in range(10_000)}})
        if reply.status == 201:
            self.assertEqual((reply.json["status"], reply.json["reason"]["code"]),
                             ("failed", "prepare_failed"))
            self.assertIn("too long", reply.json["reason"]["message"])
        else:
            self.assertEqual(reply.status, 400)

    def test_more_of_everything_than_anyone_needs(self):
        self.refused({"command": "true", "labels": {f"l{i}": "x" for i in range(65)}}, "labels")
        self.refused({"command": "true", "labels": {"l": "x" * 257}})
        self.refused({"command": "true", "artifacts": ["a"] * 1001}, "artifacts")
        self.refused({"command": "true", "files": {f"f{i}": "" for i in range(100_001)}}, "files")
        self.refused(b'{"command":"true","metadata":{"a":[' + b"0," * 1_000_001 + b"0]}}")

    def test_a_thousand_files(self):
        files = {f"d{i % 10}/f{i}": str(i) for i in range(1000)}
        self.assertEqual(self.node.run(command="find . -type f | wc -l", files=files)["stdout"].strip(),
                         "1000")


class Connections(BadTest):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # They are looked at again by the last test, when the node's patience has had its time.
        cls.slow = []
        cls.begun = time.monotonic()
        for text in (b"", b"G", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: ",
                     cls.node.head("POST", "/v1/jobs", "Content-Type: application/json",
                                   "Content-Length: 100") + b"{"):
            peer = socket.create_connection(("127.0.0.1", cls.node.port))
            peer.sendall(text)
            cls.slow.append(peer)
        peer = socket.create_connection(("127.0.0.1", cls.node.websocket_port))
        peer.sendall(b"GET / HTTP/1.1\r\n")
        cls.slow.append(peer)
        cls.addClassCleanup(lambda: [peer.close() for peer in cls.slow])

    def test_bytes_that_are_no_request(self):
        submit = self.node.head("POST", "/v1/jobs", "Content-Type: application/json").removesuffix(b"\r\n")
        authorized = submit.split(b"\r\n", 1)[1]
        for data in (b"\0" * 1000, os.urandom(5000), b"\r\n" * 10_000, b"GET\r\n\r\n",
                     b"GET / HTTP/9.9\r\n\r\n",
                     b"GET  /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
                     b"GET /healthz HTTP/1.1\nHost: localhost\n\n",
                     b"GET healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /healthz HTTP/1.1\r\n\r\n",
                     b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
                     b"GET /\xff\xfe HTTP/1.1\r\n" + authorized + b"\r\n",
                     b"GET /%zz HTTP/1.1\r\n" + authorized + b"\r\n",
                     b"GET /healthz HTTP/1.1\r\nHost : localhost\r\n\r\n",
                     b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                     b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500,
                     submit + b"Content-Length: -1\r\n\r\n{}",
                     submit + b"Content-Length: 99999999999999999999\r\n\r\n",
                     submit + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
                     submit + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                     submit + b"Transfer-Encoding: chunked\r\n\r\n-1\r\nx",
                     submit + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nx",
                     submit + b"Transfer-Encoding: gzip\r\n\r\nx",
                     submit + b"Expect: a miracle\r\nContent-Length: 2\r\n\r\n{}"):
            with self.subTest(data=data[:60]):
                reply = self.node.raw(data)
                statuses = re.findall(rb"HTTP/1\.[01] (\d+)", reply)
                self.assertTrue(all(status[:1] == b"4" for status in statuses), reply[:300])
                self.assertLessEqual(len(statuses), 1, reply)

    def test_a_head_without_end(self):
        for text in (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 100_000,
                     b"GET /" + b"x" * 100_000, b"GET /healthz HTTP/1.1\r\n" + b"A: b\r\n" * 20_000):
            reply = self.node.raw(text)
            self.assertTrue(reply.startswith(b"HTTP/1.1 431"), reply[:200])

    def test_bytes_on_the_websocket_port(self):
        for data in (os.urandom(3000), b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\x81\x85aaaaaaaaa",
                     b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello"):
            reply = self.node.raw(data, self.node.websocket_port)
            self.assertNotIn(b" 101 ", reply)
        upgrade = self.node.head("GET", "/", "Upgrade: websocket",
                                 "Connection: Upgrade").removesuffix(b"\r\n")
        for head in (b"", b"Sec-WebSocket-Version: 13\r\n",
                     b"Sec-WebSocket-Key: x\r\nSec-WebSocket-Version: 12\r\n"):
            reply = self.node.raw(upgrade + head + b"\r\n", self.node.websocket_port)
            self.assertFalse(reply.startswith(b"HTTP/1.1 101"), reply[:200])

    def test_three_hundred_bad_requests_leave_no_descriptor(self):
        def count():
            return self.node.fd_count()
        self.node.run(command="true")
        before = wait_until(count, "a count")
        for i in range(100):
            self.assertEqual(self.send(b"{").status, 400)
            self.node.raw(os.urandom(200))
            with socket.create_connection(("127.0.0.1", self.node.port)) as peer:
                peer.sendall(b"POST /v1/jobs HTTP/1.1\r\nContent-Length: 1000\r\n\r\n" + b"x" * (i % 7))
        wait_until(lambda: count() <= before, f"not more than {before} descriptors")

    def test_zz_half_requests_are_closed(self):
        for peer in self.slow:
            left = max(45 - (time.monotonic() - self.begun), 1)
            self.assertTrue(select.select([peer], [], [], left)[0],
                            "a half request holds its connection for ever")
            peer.settimeout(10)
            try:
                while peer.recv(4096):
                    pass
            except ConnectionError:
                pass


class Machine(unittest.TestCase):
    """What the machine around a node may be like."""

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="ocw-e2e-"))
        self.addCleanup(shutil.rmtree, self.directory, True)

    def serve(self, *settings, deadline_s=20):
        """Starts a node that must refuse to run; its words."""
        ended = run_binary("serve", f"--state_dir={self.directory / 'state'}", "--api.port=0",
                           "--websocket.port=0",
                           *settings, deadline_s=deadline_s)
        self.assertNotEqual(ended.returncode, 0)
        self.assertGreater(ended.returncode, 0, "it was killed by a signal")
        words = (ended.stderr + ended.stdout).decode()
        for word in CRASH_WORDS[:-1]:
            self.assertNotIn(word, words)
        return words

    def test_a_directory_for_sessions_that_cannot_be_used(self):
        plain = self.directory / "plain"
        plain.write_text("a file")
        for path in ("/proc/ocw", plain, plain / "below", "/dev/null"):
            with self.subTest(path=path):
                words = self.serve(f"--session.base_dir={path}")
                self.assertIn("session.base_dir", words)
                self.assertIn(str(path), words)

    def test_a_store_or_state_directory_that_cannot_be_used(self):
        plain = self.directory / "plain"
        plain.write_text("a file")
        base = f"--session.base_dir={self.directory}/sessions"
        for path in ("/proc/ocw", plain):
            words = self.serve(base, f"--store.dir={path}")
            self.assertIn("store", words)
            self.assertIn(str(path), words)
            ended = run_binary("serve", base, f"--state_dir={path}", "--api.port=0", "--websocket.port=0")
            self.assertGreater(ended.returncode, 0)
            self.assertIn(str(path), ended.stderr.decode())

    def test_a_store_that_is_damaged(self):
        store = self.directory / "state" / "store"
        store.mkdir(parents=True, mode=0o700)
        base = f"--session.base_dir={self.directory}/sessions"
        node = Node(state_dir=self.directory / "state")
        node.run(command="true")
        node.stop()
        database = next(p for p in store.iterdir() if p.suffix in (".db", ".sqlite", ".sqlite3"))
        database.write_bytes(b"this is no database " * 1000)
        for extra in store.glob(database.name + "-*"):
            extra.unlink()
        words = self.serve(base)
        self.assertIn(str(store), words)

    def test_ports_that_are_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            for setting in ("api.port", "websocket.port"):
                ended = run_binary("serve", f"--state_dir={self.directory / 'state'}",
                                   f"--session.base_dir={self.directory}/sessions",
                                   *(f"--{name}={port if name == setting else 0}"
                                     for name in ("api.port", "websocket.port")))
                words = (ended.stderr + ended.stdout).decode()
                self.assertGreater(ended.returncode, 0)
                self.assertIn(f"{setting} {port} is in use", words)


class FullDisk(unittest.TestCase):
    """A disk without room: the state directory is a small tmpfs."""

    size_mb = 48

    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("only root may mount a small file system to fill")
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="ocw-e2e-"))
        self.addCleanup(shutil.rmtree, self.directory, True)
        self.disk = self.directory / "disk"
        self.disk.mkdir(mode=0o700)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.size_mb}m,mode=0700", "tmpfs",
                                  self.disk], capture_output=True, check=False)
        if mounted.returncode != 0:
            self.skipTest("a tmpfs cannot be mounted here: " + mounted.stderr.decode().strip())
        self.addCleanup(subprocess.run, ["umount", "-l", self.disk], check=False)
        self.ballast = self.disk / "ballast"
        self.ballast.write_bytes(b"\0" * (16 << 20))
        self.node = Node("--session.kill_grace_ms=200", state_dir=self.disk, log_file=self.directory / "log")
        self.addCleanup(self.node.close)

    def check_health(self):
        begin = time.monotonic()
        self.assertEqual(self.node.get("/healthz", token=False).status, 200)
        self.assertLess(time.monotonic() - begin, 2)

    def fill(self):
        """Uses up what is left, to the last byte."""
        with open(self.disk / "filler", "wb", buffering=0) as file:
            try:
                while file.write(b"\0" * 65536) > 0:
                    pass
            except OSError:
                pass
            try:
                while file.write(b"\0") > 0:
                    pass
            except OSError:
                pass

    def test_a_job_that_fills_it_fails_and_the_node_recovers(self):
        before = self.node.run(command="echo before", job_id="before")
        job = self.node.submit(command="head -c 100000000 /dev/zero", job_id="flood",
                               limits={"max_output_size": 200 << 20})
        while self.node.state(job)["status"] in ("pending", "running"):
            self.check_health()
            time.sleep(0.02)
        state = self.node.state(job)
        self.assertEqual((state["status"], state["reason"]["code"]), ("failed", "disk_limit"))
        self.assertIn("store is full", state["reason"]["message"])
        self.assertIn(str(self.disk), state["reason"]["message"])
        self.assertIn("room on the node's disk", state["reason"]["hint"])
        self.fill()
        for i in range(5):
            reply = self.node.post("/v1/jobs?wait=20", {"command": "echo x", "job_id": f"on-full-{i}"})
            self.assertIn(reply.status, (201, 503), reply.body)
            if reply.status == 503:
                self.assertRegex(reply.json["error"].lower(), "space|disk|full")
            self.check_health()
        # What is there can be read all the same.
        self.assertEqual(self.node.get("/v1/jobs/before/output").json, before)
        (self.disk / "filler").unlink()
        self.ballast.unlink()
        wait_until(lambda: self.node.get("/ready", token=False).status == 200, "the node ready", 15)
        self.assertEqual(self.node.run(command="echo after", job_id="after")["stdout"], "after\n")
        self.assertEqual(self.node.call("DELETE", "/v1/jobs/flood").status, 200)
        wait_until(lambda: shutil.disk_usage(self.disk).free > 30 << 20, "room again", 15)
        # And all of it survives a restart.
        self.node.restart()
        self.assertEqual(self.node.get("/v1/jobs/before/output").json, before)
        self.assertEqual(self.node.get("/v1/jobs/after").json["status"], "finished")
        for job in self.node.get("/v1/jobs").json["jobs"]:
            ended = self.node.get(f"/v1/jobs/{job['job_id']}/output?wait=20")
            self.assertEqual(ended.status, 200, ended.body)

    def test_files_and_artifacts_without_room_are_told_of(self):
        big = base64.b64encode(b"\0" * (31 << 20)).decode()
        files = {"a": {"content_base64": big}, "b": {"content_base64": big}}
        reply = self.node.post("/v1/jobs?wait=30", {"command": "true", "files": files})
        self.check_health()
        if reply.status == 201:
            self.assertEqual((reply.json["status"], reply.json["reason"]["code"]),
                             ("failed", "prepare_failed"))
            self.assertRegex(reply.json["reason"]["message"].lower(), "space")
        else:
            self.assertIn(reply.status, (413, 503), reply.body)
        job = self.node.submit(command='head -c 17000000 /dev/zero >"$OUTPUT_DIR/a" && echo written')
        self.node.result(job)
        self.check_health()
        self.ballast.unlink()
        wait_until(lambda: self.node.get("/ready", token=False).status == 200, "the node ready", 15)
        self.assertEqual(self.node.run(command="echo after")["stdout"], "after\n")


if __name__ == "__main__":
    unittest.main()
