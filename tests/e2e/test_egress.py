"""The way out of a restricted network: a proxy for what isolation.network_allow lists, and nothing else."""

import concurrent.futures
import hashlib
import http.server
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import unittest
from unittest import mock

import harness
from harness import DEADLINE_S, Node, run_binary, wait_until

BIG = 50 << 20
# The targets of these tests are on loopback, which a job is told not to ask its proxy for.
NO_EXCEPTIONS = {"no_proxy": "", "NO_PROXY": ""}
RUBBISH = (b"\x00\x01\x02\r\n\r\n", b"hello there\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n",
           b"CONNECT HTTP/1.1\r\n\r\n", b"CONNECT example.org HTTP/1.1\r\n\r\n", b"CONNECT a:b HTTP/1.1\r\n\r\n",
           b"CONNECT a:99999 HTTP/1.1\r\n\r\n", b"CONNECT [::1 HTTP/1.1\r\n\r\n", b"CONNECT 127.1:80 HTTP/1.1\r\n\r\n",
           b"GET https://a/ HTTP/1.1\r\n\r\n", b"GET http://u@a/ HTTP/1.1\r\n\r\n", b"GET http:// HTTP/1.1\r\n\r\n",
           b"GET ftp://a/ HTTP/1.1\r\n\r\n", b"GET http://a:/ HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 9)

# What jobs begin with: asks the proxy something, and returns all it answers.
PRELUDE = r"""
import os, socket, sys
def proxy():
    return socket.create_connection(("127.0.0.1", 3128), timeout=60)
def rest(peer):
    out = b""
    while piece := peer.recv(65536):
        out += piece
    return out
def ask(data):
    with proxy() as peer:
        peer.sendall(data)
        return rest(peer)
def connect(port, host="127.0.0.1"):
    peer = proxy()
    peer.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += peer.recv(1)
    return peer, head
"""


class Target(http.server.BaseHTTPRequestHandler):
    """What jobs connect to, on the machine's loopback."""

    protocol_version = "HTTP/1.1"
    big = os.urandom(1 << 20) * (BIG >> 20)

    def do_GET(self):
        self.answer(self.big if self.path == "/big" else b"hello " + self.path.encode())

    def do_POST(self):
        digest, length = hashlib.sha256(), 0
        for piece in self.body():
            digest.update(piece)
            length += len(piece)
        self.answer(json.dumps({"length": length, "sha256": digest.hexdigest(),
                                "headers": [[k.lower(), v] for k, v in self.headers.items()]}).encode())

    def body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        left = int(self.headers.get("Content-Length", 0))
        while left > 0 and (piece := self.rfile.read(min(left, 65536))):
            left -= len(piece)
            yield piece

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


def serve(case):
    """A target that is there as long as the tests of a class are; its port."""
    server = Server(("127.0.0.1", 0), Target)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    case.addClassCleanup(server.server_close)
    case.addClassCleanup(server.shutdown)
    return server.server_port


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class EgressTest(unittest.TestCase):
    """A node, and targets on the machine's loopback: one that is listed and one that is not."""

    rules = ("127.0.0.1:{listed}", "localhost:{listed}", "127.0.0.1:{holding}", "127.0.0.1:{closed}",
             "[::1]:*", "*.example.org:443")

    @classmethod
    def setUpClass(cls):
        cls.listed, cls.other = serve(cls), serve(cls)
        cls.closed = closed_port()
        cls.holder = socket.create_server(("127.0.0.1", 0), backlog=256)
        cls.addClassCleanup(cls.holder.close)
        cls.holder.settimeout(DEADLINE_S)
        cls.holding = cls.holder.getsockname()[1]
        rules = [rule.format(listed=cls.listed, holding=cls.holding, closed=cls.closed) for rule in cls.rules]
        cls.node = Node(f"--isolation.network_allow={json.dumps(rules)}",
                        "--logging.level=debug", "--worker.concurrency=4")
        cls.addClassCleanup(cls.node.close)
        held = cls.node.get("/v1/workers").json["workers"][0]["isolation"]
        if "net" not in held["layers"]:
            raise unittest.SkipTest("jobs have no network of their own here: " + "; ".join(held["why_not"]))

    def shell(self, command, code=0, env=NO_EXCEPTIONS, **request):
        result = self.node.run(command=command, env=env, **request)
        self.assertEqual(result["exit_code"], code, result)
        return result["stdout"]

    def python(self, script, *words, code=0, **request):
        result = self.node.run(argv=["/usr/bin/python3", "-c", PRELUDE + script, *map(str, words)],
                               env=NO_EXCEPTIONS, **request)
        self.assertEqual(result["exit_code"], code, result)
        return result["stdout"]

    def lines(self, event, job=None):
        found = [json.loads(line) for line in self.node.log_text().splitlines() if f'"{event}"' in line]
        return [line for line in found if job is None or job in json.dumps(line)]

    def counter(self, name):
        text = self.node.get("/metrics").body.decode()
        return int(re.search(rf"(?m)^opencode_worker_egress_{name}_total (\d+)$", text)[1])

    def denial(self, text):
        body = json.loads(text)
        self.assertEqual(list(body), ["error", "code", "details", "timestamp"])
        self.assertEqual(body["code"], "egress_denied")
        self.assertEqual(body["details"]["field"], "isolation.network_allow")
        return body


class Allowed(EgressTest):

    def test_a_listed_target_is_reached_by_plain_http(self):
        out = self.shell(f"curl -sS http://127.0.0.1:{self.listed}/a?b=c")
        self.assertEqual(out, "hello /a?b=c")

    def test_a_listed_target_is_reached_through_a_tunnel(self):
        out = self.shell(f"curl -sSp http://127.0.0.1:{self.listed}/through")
        self.assertEqual(out, "hello /through")

    def test_a_listed_name_is_reached(self):
        self.assertEqual(self.shell(f"curl -sS http://LocalHost:{self.listed}/a"), "hello /a")

    def test_programs_find_the_proxy_by_themselves(self):
        out = self.python("import urllib.request\n"
                          "print(urllib.request.urlopen(sys.argv[1]).read().decode())",
                          f"http://127.0.0.1:{self.listed}/python")
        self.assertEqual(out, "hello /python\n")

    def test_what_was_opened_is_counted_and_told(self):
        before = self.counter("opened")
        result = self.node.run(command=f"curl -sS http://127.0.0.1:{self.listed}/secret-path", env=NO_EXCEPTIONS)
        self.assertEqual(self.counter("opened"), before + 1)
        told = self.lines("egress.opened", result["job_id"])
        self.assertEqual(len(told), 1)
        self.assertIn(f"127.0.0.1:{self.listed}", json.dumps(told))
        self.assertNotIn("secret-path", self.node.log_text())

    def test_fifty_megabytes_are_exact_each_way(self):
        digest = hashlib.sha256(Target.big).hexdigest()
        url = f"http://127.0.0.1:{self.listed}"
        for way in ("", "-p"):
            with self.subTest(way):
                self.assertEqual(self.shell(f"curl -sS {way} {url}/big | sha256sum").split()[0], digest)
                for framing in ("", "-H 'Transfer-Encoding: chunked'"):
                    out = self.shell(f"head -c {BIG} /dev/zero | tee up | sha256sum; "
                                     f"curl -sS {way} {framing} -H Expect: --data-binary @up {url}/up")
                    sent, told = out.split("  -\n")
                    told = json.loads(told)
                    self.assertEqual((told["length"], told["sha256"]), (BIG, sent))

    def test_what_concerns_the_proxy_alone_goes_no_further(self):
        out = self.shell(f"curl -sS --proxy-user a:b -H 'X-Kept: 1' -H 'X-Named: 1' -H 'TE: gzip' -H 'Upgrade: x' "
                         f"-H 'Connection: keep-alive, X-Named' -H 'Host: other' -d 12345 "
                         f"http://127.0.0.1:{self.listed}/up")
        headers = dict(json.loads(out)["headers"])
        self.assertEqual(headers["connection"], "close")
        self.assertEqual(headers["x-kept"], "1")
        self.assertEqual(headers["host"], f"127.0.0.1:{self.listed}")
        self.assertEqual(headers["content-length"], "5")
        for name in ("x-named", "te", "upgrade", "proxy-authorization", "proxy-connection"):
            self.assertNotIn(name, headers)

    def test_a_second_request_on_one_connection_does_not_reach_the_first_target(self):
        out = self.python("print(ask(f'GET http://127.0.0.1:{sys.argv[1]}/1 HTTP/1.1\\r\\n\\r\\n'.encode() * 2))",
                          self.listed)
        self.assertEqual(out.count("HTTP/1.1 200"), 1)

    def test_bytes_behind_the_request_for_a_tunnel_go_through_it(self):
        out = self.python("""
request = b"GET /early HTTP/1.1\\r\\nConnection: close\\r\\n\\r\\n"
print(ask(f"CONNECT 127.0.0.1:{sys.argv[1]} HTTP/1.1\\r\\n\\r\\n".encode() + request).decode())""", self.listed)
        self.assertIn("hello /early", out)

    def test_one_end_of_a_tunnel_can_close_alone(self):
        def echo_after_end():
            peer, _ = self.holder.accept()
            with peer:
                got = b""
                while piece := peer.recv(65536):
                    got += piece
                peer.sendall(b"got " + got)

        threading.Thread(target=echo_after_end, daemon=True).start()
        out = self.python("""
peer, head = connect(sys.argv[1])
peer.sendall(b"all of it")
peer.shutdown(socket.SHUT_WR)
print(rest(peer).decode())""", self.holding)
        self.assertEqual(out, "got all of it\n")

    def test_a_hundred_connections_at_once(self):
        out = self.python("""
peers = [proxy() for _ in range(100)]
for i, peer in enumerate(peers):
    peer.sendall(f"GET http://127.0.0.1:{sys.argv[1]}/{i} HTTP/1.1\\r\\n\\r\\n".encode())
print(sum(rest(peer).endswith(f"hello /{i}".encode()) for i, peer in enumerate(peers)))""", self.listed)
        self.assertEqual(out, "100\n")

    def test_jobs_at_once_each_have_their_own(self):
        def one(i):
            return self.shell(f"for n in 1 2 3; do curl -sS http://127.0.0.1:{self.listed}/{i}; done")

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            self.assertEqual(list(pool.map(one, range(16))), [f"hello /{i}" * 3 for i in range(16)])


class Refused(EgressTest):

    def test_another_port_is_refused_with_the_reason(self):
        before = self.counter("refused")
        result = self.node.run(command=f"curl -sS -w '\\n%{{http_code}}' http://127.0.0.1:{self.other}/x",
                               env=NO_EXCEPTIONS)
        body, status = result["stdout"].rsplit("\n", 1)
        self.assertEqual(status, "403")
        self.assertIn(f"127.0.0.1:{self.other}", self.denial(body)["error"])
        self.assertEqual(self.counter("refused"), before + 1)
        told = self.lines("egress.refused", result["job_id"])
        self.assertEqual(len(told), 1)
        self.assertEqual(told[0]["level"], "warn")
        self.assertIn(f"127.0.0.1:{self.other}", json.dumps(told))
        self.assertIn(result["session_id"], json.dumps(told))

    def test_tunnels_and_names_are_refused_too(self):
        for where in (f"127.0.0.1:{self.other}", "example.org:443", "a.example.org:80", "[::2]:443", "[::ffff:127.0.0.1]:1",
                      f"127.0.0.2:{self.listed}", "169.254.169.254:80"):
            with self.subTest(where):
                out = self.python("print(ask(f'CONNECT {sys.argv[1]} HTTP/1.1\\r\\n\\r\\n'.encode()).decode())", where)
                self.assertTrue(out.startswith("HTTP/1.1 403 Forbidden\r\n"), out)
                self.denial(out.split("\r\n\r\n")[1])

    def test_nobody_at_a_listed_target_is_no_refusal(self):
        before = self.counter("refused")
        out = self.shell(f"curl -sS -w '\\n%{{http_code}}' http://127.0.0.1:{self.closed}/")
        body, status = out.rsplit("\n", 1)
        self.assertEqual(status, "502")
        self.assertEqual(json.loads(body)["code"], "unavailable")
        self.assertEqual(self.counter("refused"), before)

    def test_nothing_is_reached_around_it(self):
        out = self.python("""
for family, kind, to in ((socket.AF_INET, socket.SOCK_STREAM, "127.0.0.1"), (socket.AF_INET, socket.SOCK_STREAM, "192.0.2.1"),
                         (socket.AF_INET, socket.SOCK_DGRAM, "192.0.2.1"), (socket.AF_INET6, socket.SOCK_DGRAM, "2001:db8::1")):
    try:
        socket.socket(family, kind).connect((to, int(sys.argv[1])))
        print("connected to", to)
    except OSError:
        print("no")
peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
peer.connect(("127.0.0.1", int(sys.argv[1])))
peer.send(b"x")
try:
    peer.settimeout(60)
    peer.recv(1)
except ConnectionRefusedError:
    print("no")""", self.listed)
        self.assertEqual(out, "no\n" * 5)

    def test_rubbish_gets_an_answer_and_does_no_harm(self):
        out = self.python("for each in eval(sys.argv[1]): print(ask(each).split(b' ', 2)[1].decode())", repr(RUBBISH))
        self.assertEqual(out.split(), ["400"] * len(RUBBISH))
        self.assertEqual(self.shell(f"curl -sS http://127.0.0.1:{self.listed}/after"), "hello /after")

    def test_a_head_has_a_bound(self):
        out = self.python("print(ask(b'GET http://a/ HTTP/1.1\\r\\nX: ' + b'x' * 20000 + b'\\r\\n\\r\\n').decode())")
        self.assertTrue(out.startswith("HTTP/1.1 431 "), out)

    def test_a_job_cannot_flood_the_log(self):
        before = self.counter("refused")
        result = self.node.run(argv=["/usr/bin/python3", "-c", PRELUDE + """
for _ in range(200): ask(b"CONNECT 127.0.0.1:1 HTTP/1.1\\r\\n\\r\\n")"""])
        self.assertEqual(result["exit_code"], 0, result)
        self.assertEqual(self.counter("refused"), before + 200)
        told = wait_until(lambda: (found := self.lines("egress.refused", result["job_id"]))
                          and "more" in json.dumps(found[-1]) and found, "the last word on refusals")
        self.assertGreaterEqual(len(told), 21)
        self.assertLess(len(told), 100)


class Ending(EgressTest):

    def test_whoever_never_speaks_is_let_go(self):
        # More than are served at once; the last of them has to wait until the first were given up.
        out = self.python("""
silent = [proxy() for _ in range(66)]
begun = proxy()
begun.sendall(b"GET http://")
print(ask(f"GET http://127.0.0.1:{sys.argv[1]}/on HTTP/1.1\\r\\n\\r\\n".encode())[-9:].decode())
print({rest(peer) for peer in silent}, rest(begun)[:12])""", self.listed)
        self.assertEqual(out, "hello /on\n{b''} b'HTTP/1.1 408'\n")

    def test_the_jobs_end_cuts_what_it_had_open(self):
        self.shell("true")
        before = self.node.fd_count()
        result = self.python("""
peers = [connect(sys.argv[1]) for _ in range(20)] + [(proxy(), b"") for _ in range(20)]
print({head for _, head in peers[:20]})""", self.holding)
        self.assertIn("200 Connection established", result)
        # Those at the other end hold on: it is not they who end it.
        held = [self.holder.accept()[0] for _ in range(20)]
        for peer in held:
            self.addCleanup(peer.close)
            peer.settimeout(DEADLINE_S)
            self.assertEqual(peer.recv(1), b"")
        wait_until(lambda: self.node.fd_count() <= before, "the node's descriptors to be closed")

    def test_a_job_that_is_cancelled_leaves_no_connection(self):
        before = self.node.fd_count()
        job = self.node.submit(argv=["/usr/bin/python3", "-c", PRELUDE + "peer = connect(sys.argv[1]); peer[0].recv(1)",
                                     str(self.holding)])
        peer, _ = self.holder.accept()
        with peer:
            peer.settimeout(DEADLINE_S)
            self.node.post(f"/v1/jobs/{job}/cancel", {})
            self.assertEqual(peer.recv(1), b"")
            self.assertEqual(self.node.result(job)["status"], "cancelled")
            wait_until(lambda: self.node.fd_count() <= before + 1, "the node's descriptors to be closed")

    def test_no_more_than_64_are_served_at_once(self):
        before = self.counter("opened")
        job = self.node.submit(argv=["/usr/bin/python3", "-c", PRELUDE + """
peers = [proxy() for _ in range(100)]
for peer in peers:
    peer.sendall(f"CONNECT 127.0.0.1:{sys.argv[1]} HTTP/1.1\\r\\n\\r\\n".encode())
print("on", flush=True)
sys.stdin.readline()
for peer in peers[:64]:
    peer.close()
sys.stdin.readline()""", str(self.holding)], stdin={"content_base64": "", "open": True}, env=NO_EXCEPTIONS)
        held = [self.holder.accept()[0] for _ in range(64)]
        wait_until(lambda: self.node.logs(job) == b"on\n", "all requests to be sent")
        self.shell("true")  # meanwhile the others would have been let in
        self.assertEqual(self.counter("opened"), before + 64)
        self.node.post(f"/v1/jobs/{job}/stdin", b"\n")
        for peer in held:
            peer.close()
        held = [self.holder.accept()[0] for _ in range(36)]
        self.node.post(f"/v1/jobs/{job}/stdin?eof=1", b"\n")
        self.assertEqual(self.node.result(job)["exit_code"], 0)
        for peer in held:
            peer.close()

    def test_a_node_that_stops_with_open_tunnels_stops(self):
        node = Node(f"--isolation.network_allow=127.0.0.1:{self.holding}")
        self.addCleanup(node.close)
        node.submit(argv=["/usr/bin/python3", "-c", PRELUDE + "peer = connect(sys.argv[1]); peer[0].recv(1)",
                          str(self.holding)])
        peer, _ = self.holder.accept()
        with peer:
            self.assertEqual(node.stop(), 0)


class Truth(EgressTest):
    """A job, its result and the node say what is so."""

    variables = "env | grep -i _proxy | sort"

    def test_a_restricted_job_is_told_of_its_proxy(self):
        out = self.shell(self.variables, env={})
        there, around = "http://127.0.0.1:3128", "localhost,127.0.0.1"
        self.assertEqual(out.split(), [f"HTTPS_PROXY={there}", f"HTTP_PROXY={there}", f"NO_PROXY={around}",
                                       f"http_proxy={there}", f"https_proxy={there}", f"no_proxy={around}"])

    def test_a_jobs_own_environment_wins(self):
        out = self.shell("echo $http_proxy $https_proxy", env={"http_proxy": "http://mine:1"})
        self.assertEqual(out, "http://mine:1 http://127.0.0.1:3128\n")

    def test_the_layers_name_it(self):
        held = self.node.run(command="true")["isolation"]["layers"]
        self.assertIn("egress_proxy", held)
        self.assertEqual(self.node.run(command="true", require=["egress_proxy"])["exit_code"], 0)
        out = run_binary("doctor", "--json", *self.node.settings)
        row = next(each for each in json.loads(out.stdout)["mechanisms"] if each["name"] == "egress_proxy")
        self.assertEqual(row["state"], "in_force", row)

    def test_a_job_with_an_open_network_has_none(self):
        result = self.node.run(command=self.variables + "; true", config={"network": "open"})
        self.assertEqual(result["stdout"], "")
        self.assertNotIn("egress_proxy", result["isolation"]["layers"])

    def test_a_job_never_holds_the_socket_itself(self):
        out = self.python("print(sorted(os.listdir('/proc/self/fd')))")
        self.assertEqual(out, "['0', '1', '2', '3']\n")  # 3 is the listing's own

    def test_after_a_job_that_could_not_start_the_next_has_it(self):
        self.node.run(argv=["/no/such/program"])
        self.assertEqual(self.shell(f"curl -sS http://127.0.0.1:{self.listed}/next"), "hello /next")


class WithoutIt(unittest.TestCase):

    def start(self, *settings):
        node = Node(*settings)
        self.addCleanup(node.close)
        return node

    def test_without_rules_there_is_no_proxy(self):
        node = self.start()
        result = node.run(command=Truth.variables + "; (echo > /dev/tcp/127.0.0.1/3128) 2>&1 | grep -q refused && echo refused; "
                                                    "grep -c 0C38 /proc/net/tcp")
        if "net" in result["isolation"]["layers"]:
            self.assertEqual(result["stdout"], "refused\n0\n")
        self.assertNotIn("egress_proxy", result["isolation"]["layers"])
        self.assertNotIn("egress", node.log_text())
        out = run_binary("doctor", "--json", *node.settings)
        row = next(each for each in json.loads(out.stdout)["mechanisms"] if each["name"] == "egress_proxy")
        self.assertEqual((row["state"], row["why"]), ("off", "isolation.network_allow is empty"))

    def test_without_networks_of_their_own_nothing_is_pretended(self):
        node = self.start("--isolation.network_allow=example.org:443", "--isolation.disable=net")
        result = node.run(command=Truth.variables + "; true")
        self.assertEqual(result["stdout"], "")
        self.assertNotIn("egress_proxy", result["isolation"]["layers"])
        told = [json.loads(line) for line in node.log_text().splitlines() if '"egress.off"' in line]
        self.assertEqual([line["level"] for line in told], ["warn"])
        self.assertIn("needs net", json.dumps(told))
        refused = node.post("/v1/jobs", {"command": "true", "require": ["egress_proxy"]})
        self.assertEqual((refused.status, refused.json["code"]), (422, "isolation_unavailable"))
        out = run_binary("doctor", "--json", *node.settings)
        row = next(each for each in json.loads(out.stdout)["mechanisms"] if each["name"] == "egress_proxy")
        self.assertEqual((row["state"], row["hint"]), ("missing", "it comes with net"))

    def test_a_rule_that_is_none_is_named_at_the_start(self):
        for rule in ("example.org", "https://example.org", "*:443", "example.org:0", "::1:443", "10.0.0.0/8:443"):
            with self.subTest(rule):
                ended = run_binary("doctor", f"--isolation.network_allow=example.org:443,{rule}")
                self.assertEqual(ended.returncode, 2, ended)
                self.assertIn(f"isolation.network_allow has '{rule}'", ended.stderr.decode())


@unittest.skipUnless(os.geteuid() == 0 and subprocess.run(["unshare", "-m", "true"], check=False).returncode == 0,
                     "names of its own for a node take a mount namespace")
class Names(EgressTest):
    """A node to which names mean what these tests want them to."""

    rules = ("rebound.example:{listed}", "*.inner.example:{listed}", "listed.example:{holding}", "127.0.0.1:{holding}",
             "link.example:80", "nowhere.example:80")

    @classmethod
    def setUpClass(cls):
        place = pathlib.Path(tempfile.mkdtemp(prefix="ocw-e2e-"))
        cls.addClassCleanup(shutil.rmtree, place, True)
        (place / "hosts").write_text("127.0.0.1 localhost rebound.example a.inner.example listed.example\n"
                                     "::1 rebound.example\n169.254.1.1 link.example\n0.0.0.0 b.inner.example\n")
        (place / "nsswitch.conf").write_text("hosts: files\n")
        program = place / "opencode-worker"
        program.write_text(f"""#!/bin/sh
mount --make-rprivate / && mount --bind {place}/hosts /etc/hosts &&
mount --bind {place}/nsswitch.conf /etc/nsswitch.conf && exec {harness.BINARY} "$@"
""")
        outer = place / "outer"
        outer.write_text(f'#!/bin/sh\nexec unshare -m /bin/sh {program} "$@"\n')
        outer.chmod(0o755)
        with mock.patch.object(harness.Node, "binary", [str(outer)]):
            super().setUpClass()

    def test_an_allowed_name_does_not_lead_to_this_machine(self):
        for where in (f"rebound.example:{self.listed}", f"a.inner.example:{self.listed}", "link.example:80",
                      f"b.inner.example:{self.listed}"):
            with self.subTest(where):
                before = self.counter("refused")
                out = self.shell(f"curl -sS -w '\\n%{{http_code}}' http://{where}/")
                body, status = out.rsplit("\n", 1)
                self.assertEqual(status, "403")
                self.assertIn("this machine", self.denial(body)["error"])
                self.assertEqual(self.counter("refused"), before + 1)

    def test_unless_a_rule_lists_the_address_itself(self):
        out = self.python("""
peer, head = connect(sys.argv[1], "listed.example")
print(head)""", self.holding)
        self.assertIn("200 Connection established", out)
        self.holder.accept()[0].close()

    def test_a_name_that_is_none_cannot_be_reached(self):
        out = self.shell("curl -sS -w '\\n%{http_code}' http://nowhere.example/")
        self.assertEqual(out.rsplit("\n", 1)[1], "502")


if __name__ == "__main__":
    unittest.main()
