"""Events by WebSocket and by SSE: complete, in order, resumable, and cheap for
the node whoever stops reading."""

import base64
import json
import socket
import threading
import time
import unittest

from harness import (DEADLINE_S, Node, NodeTest, check_history, chunk_bytes, is_sanitized, output_of,
                     sha256, wait_until)

SETTINGS = ("--worker.concurrency=6", "--session.kill_grace_ms=300",
            "--governance.memory_overcommit=0", "--governance.cpu_overcommit=0")
OPEN_INPUT = {"content_base64": "", "open": True}
ENDS = ("job_complete", "job_error")


def of_job(messages, job):
    return [m for m in messages if m.get("job_id") == job and "seq" in m]


def until_end(socket, *jobs):
    """All messages until each of `jobs` has ended."""
    seen, open_jobs = [], set(jobs)
    while open_jobs:
        message = socket.receive()
        assert not isinstance(message, tuple), f"closed: {message}"
        seen.append(message)
        if message["type"] in ENDS:
            open_jobs.discard(message["job_id"])
    return seen


class StreamTest(NodeTest):
    settings = SETTINGS

    def connect(self, **more):
        client = self.node.websocket(**more)
        self.addCleanup(client.close)
        self.assertEqual(client.status, 101)
        self.assertEqual(client.receive()["type"], "connected")
        return client

    def start_reader(self):
        """A job that echoes what it is sent, and is stopped at the latest at the test's end."""
        job = self.node.submit(command="while read -r line; do echo \"got $line\"; done", stdin=OPEN_INPUT)
        self.addCleanup(self.node.post, f"/v1/jobs/{job}/cancel")
        self.node.wait_for_phase(job, "EXECUTE")
        return job


class WebSockets(StreamTest):

    def test_the_greeting(self):
        for port in (self.node.port, self.node.websocket_port):
            with self.node.websocket(port=port) as client:
                greeting = client.receive()
                self.assertEqual(greeting["type"], "connected")
                self.assertTrue(greeting["client_id"])
                self.assertLess(abs(greeting["timestamp"] / 1000 - time.time()), 60)

    def test_a_subscriber_that_is_early_and_one_that_is_late_see_the_same(self):
        early = self.connect()
        job = self.node.submit(command='echo one; read -r x; echo "two $x" >&2; exit 3', stdin=OPEN_INPUT)
        early.send({"type": "subscribe", "job_ids": [job]})
        first = []
        while not output_of(first) == b"one\n":
            first.append(early.receive())
        early.send({"type": "stdin", "job_id": job, "data": "x\n"})
        first = of_job(first + until_end(early, job), job)
        check_history(first)
        late = self.connect(port=self.node.websocket_port)
        late.send({"type": "subscribe", "job_ids": [job]})
        self.assertEqual(of_job(until_end(late, job), job), first)
        self.assertEqual(self.node.events(job), first)

    def test_what_each_event_says(self):
        job = self.node.submit(command="echo out; echo err >&2; exit 3")
        result = self.node.result(job)
        events = self.node.events(job)
        check_history(events)
        phases = [e["data"]["phase"] for e in events if e["type"] == "job_status"]
        self.assertEqual(phases, ["INIT", "PREPARE", "EXECUTE", "COLLECT", "DESTROY"])
        start = events[0]["data"]
        self.assertEqual((start["status"], start["session_id"]), ("job_start", result["session_id"]))
        self.assertTrue(start["worker_id"])
        self.assertTrue(all(e["job_id"] == job and e["timestamp"] > 1.6e12 for e in events))
        end = events[-1]
        self.assertEqual(end["type"], "job_error")
        self.assertEqual(end["data"]["reason"], result["reason"])
        self.assertTrue(end["data"]["error"])
        for name in ("session_id", "exit_code", "status", "output", "metrics", "isolation", "teardown",
                     "artifacts"):
            self.assertEqual(end["data"][name], result[name], name)
        self.assertEqual((end["data"]["stdout_length"], end["data"]["stderr_length"]), (4, 4))
        self.assertEqual(end["data"]["duration_ms"], result["metrics"]["duration_ms"])
        self.assertNotIn("stdout", end["data"])
        good = self.node.submit(command="true")
        self.node.result(good)
        self.assertEqual(self.node.events(good)[-1]["type"], "job_complete")

    def test_resuming_from_a_number(self):
        job = self.node.submit(command="for i in 1 2 3; do echo $i; echo e$i >&2; done")
        self.node.result(job)
        whole = self.node.events(job)
        for first in (1, 2, len(whole) - 1, len(whole)):
            client = self.connect()
            client.send({"type": "subscribe", "job_ids": [job], "from": {job: first}})
            self.assertEqual(of_job(until_end(client, job), job), whole[first - 1:])
        for query, headers, first in (("?from=3", {}, 3), ("", {"Last-Event-ID": "2"}, 3),
                                      ("?from=1", {"Last-Event-ID": "4"}, 5), ("?from=0", {}, 1),
                                      (f"?from={len(whole)}", {}, len(whole)),
                                      (f"?from={len(whole) + 5}", {}, len(whole) + 1)):
            with self.subTest(query=query, headers=headers):
                self.assertEqual(self.node.events(job, query, headers), whole[first - 1:])
        for query, headers in (("?from=x", {}), ("?from=-1", {}), ("", {"Last-Event-ID": "abc"}),
                               ("", {"Last-Event-ID": "-1"}), ("?form=2", {})):
            with self.subTest(query=query, headers=headers):
                self.assertEqual(self.node.get(f"/v1/jobs/{job}/events{query}", headers=headers).status, 400)

    def test_two_jobs_on_one_socket_and_one_is_left(self):
        client = self.connect()
        one, two = self.start_reader(), self.start_reader()
        client.send({"type": "subscribe", "job_ids": [one, two]})
        for job in (one, two):
            self.node.post(f"/v1/jobs/{job}/stdin", b"a\n")
        seen = []
        wait = time.monotonic() + DEADLINE_S
        while time.monotonic() < wait and not all(output_of(of_job(seen, j)) == b"got a\n" for j in (one,
                                                                                                     two)):
            seen.append(client.receive())
        client.send({"type": "unsubscribe", "job_ids": [one]})
        client.send({"type": "ping"})
        client.until("pong")
        for job in (one, two):
            self.node.post(f"/v1/jobs/{job}/stdin?eof=1", b"b\n")
        self.node.result(one)
        rest = until_end(client, two)
        self.assertEqual(of_job(rest, one), [])
        check_history(of_job(seen + rest, two))
        # It can be taken up again, from where it was left.
        last = of_job(seen, one)[-1]["seq"]
        client.send({"type": "subscribe", "job_ids": [one], "from": {one: last + 1}})
        more = of_job(until_end(client, one), one)
        check_history(of_job(seen, one) + more)

    def test_subscribing_twice_sends_nothing_twice(self):
        client = self.connect()
        job = self.start_reader()
        for _ in range(3):
            client.send({"type": "subscribe", "job_ids": [job, job]})
        self.node.post(f"/v1/jobs/{job}/stdin?eof=1", b"x\n")
        check_history(of_job(until_end(client, job), job))

    def test_input_by_websocket(self):
        client = self.connect()
        job = self.start_reader()
        client.send({"type": "subscribe", "job_ids": [job]})
        client.send({"type": "stdin", "job_id": job, "data": "grün\n"})
        client.send({"type": "stdin", "job_id": job, "data": "last\n", "eof": True})
        events = of_job(until_end(client, job), job)
        self.assertEqual(output_of(events), "got grün\ngot last\n".encode())
        client.send({"type": "stdin", "job_id": job, "data": "late\n"})
        self.assertEqual(client.receive()["code"], "already_ended")

    def test_what_cannot_be_understood_gets_an_error_and_the_socket_stays_open(self):
        client = self.connect()
        for text in (b"", b"{", b"[]", b"null", b"7", b'{"type":"dance"}', b'{"type":7}', b"{}",
                     b'{"type":"subscribe"}', b'{"type":"subscribe","job_ids":"x"}',
                     b'{"type":"subscribe","job_ids":[1]}', b'{"type":"subscribe","job_ids":["a b"]}',
                     b'{"type":"subscribe","job_ids":["x"],"from":{"y":1}}',
                     b'{"type":"subscribe","job_ids":["x"],"from":{"x":0}}',
                     b'{"type":"subscribe","job_ids":["x"],"from":{"x":-1}}',
                     b'{"type":"subscribe","job_ids":["x"],"since":1}',
                     b'{"type":"ping","job_ids":[]}', b'{"type":"stdin","job_id":"x"}',
                     b'{"type":"unsubscribe"}', b'{"type":"stdin","data":"x"}', b"[" * 100_000,
                     json.dumps({"type": "subscribe", "job_ids": ["j"] * 2000}).encode()):
            with self.subTest(text=text[:60]):
                client.send_raw(text)
                answer = client.receive()
                self.assertEqual((answer["type"], answer["code"]), ("error", "invalid_request"))
                self.assertTrue(answer["error"])
        client.send_raw(b"\x01\x02", opcode=2)
        self.assertEqual(client.receive()["type"], "error")
        client.send({"type": "subscribe", "job_ids": ["no-such-job"]})
        answer = client.receive()
        self.assertEqual((answer["type"], answer["code"], answer["job_id"]),
                         ("error", "not_found", "no-such-job"))
        client.send({"type": "stdin", "job_id": "no-such-job", "data": "x"})
        self.assertEqual(client.receive()["code"], "not_found")
        client.send({"type": "unsubscribe", "job_ids": ["no-such-job"]})
        client.send({"type": "ping"})
        self.assertEqual(client.receive()["type"], "pong")

    def test_one_unknown_job_does_not_spoil_the_others(self):
        client = self.connect()
        job = self.node.submit(command="echo x")
        client.send({"type": "subscribe", "job_ids": ["unknown", job]})
        messages = until_end(client, job)
        self.assertIn("unknown", [m["job_id"] for m in messages if m["type"] == "error"])
        check_history(of_job(messages, job))

    def test_frames_of_every_kind(self):
        client = self.connect()
        client.send_raw(b"are you there", opcode=9)
        self.assertEqual(client.frame(), (10, b"are you there"))
        client.send_raw(b"unasked", opcode=10)
        client.send_raw(b'{"type":', final=False)
        client.send_raw(b"", opcode=9)
        client.send_raw(b'"ping"}', opcode=0)
        self.assertEqual(client.frame(), (10, b""))
        self.assertEqual(client.receive()["type"], "pong")
        client.send_raw(b"\x03\xe8bye", opcode=8)
        self.assertEqual(client.frame()[0], 8)

    def test_frames_against_the_rules_close_the_socket(self):
        for frames, code in (([(b"\xff\xfe", 1, True)], 1007), ([(b"x", 3, True)], 1002),
                             ([(b"x", 0, True)], 1002), ([(b"x" * 200, 9, True)], 1002),
                             ([(b"x" * (2 << 20), 1, True)], 1009)):
            with self.subTest(code=code, size=len(frames[0][0])):
                client = self.connect()
                try:
                    for payload, opcode, final in frames:
                        client.send_raw(payload, opcode, final)
                except ConnectionError:
                    pass
                self.assertIn(client.receive(), (("close", code), ("close", None)))
        client = self.connect()
        client.socket.sendall(b"\x81\x02{}")  # no mask
        self.assertIn(client.receive(), (("close", 1002), ("close", None)))
        self.assertEqual(self.node.get("/healthz").status, 200)

    def test_the_websocket_port_takes_any_path(self):
        for path in ("/", "/v1/stream", "/tasks/x/stream", "/?x=1"):
            with self.node.websocket(port=self.node.websocket_port, path=path) as client:
                self.assertEqual(client.status, 101, path)
        with self.node.websocket(path="/v1/streams") as client:
            self.assertEqual(client.status, 404)

    def test_who_may_connect(self):
        for port in (self.node.port, self.node.websocket_port):
            for more, status in (({"token": False}, 401),
                                 ({"headers": {"Authorization": "Bearer wrong"}}, 401),
                                 ({"headers": {"Origin": "http://evil.example"}}, 403),
                                 ({"headers": {"Host": "evil.example"}}, 403),
                                 ({"headers": {"Origin": f"http://127.0.0.1:{port}"}}, 101)):
                with self.subTest(port=port, more=more):
                    with self.node.websocket(port=port, **more) as client:
                        self.assertEqual(client.status, status)
        reply = self.node.get("/v1/stream")
        self.assertEqual((reply.status, reply.headers["Upgrade"]), (426, "websocket"))

    def test_a_ticket_opens_one_stream(self):
        job = self.node.submit(command="echo x")
        self.node.result(job)

        def ticket():
            reply = self.node.post("/v1/tickets")
            self.assertEqual(reply.status, 201)
            return reply.json["ticket"]
        one = ticket()
        path = f"/v1/jobs/{job}/events?ticket={one}"
        self.assertEqual(self.node.get(path, token=False).status, 200)
        self.assertEqual(self.node.get(path, token=False).status, 401)
        for port in (self.node.port, self.node.websocket_port):
            one = ticket()
            with self.node.websocket(port=port, path=f"/v1/stream?ticket={one}", token=False) as client:
                self.assertEqual(client.status, 101)
            with self.node.websocket(port=port, path=f"/v1/stream?ticket={one}", token=False) as client:
                self.assertEqual(client.status, 401)
        one = ticket()
        self.assertEqual(self.node.get(f"/v1/jobs?ticket={one}", token=False).status, 401)
        self.assertEqual(self.node.get(f"/v1/jobs/{job}/logs?ticket={one}", token=False).status, 401)
        self.assertEqual(self.node.post("/v1/tickets", token=False).status, 401)

    def test_events_carry_exactly_the_bytes_of_the_logs(self):
        job = self.node.submit(
            command=r"""for i in 1 2 3 4 5 6 7 8; do
                          printf 'text %s ä€😀\n' $i; head -c 3001 /dev/urandom; printf '\303' >&2; sleep 0.01
                          printf '\244 err %s\r\n' $i >&2; head -c 70000 /dev/urandom >&2
                        done; printf 'no end \342\202'""",
            stream={"chunk_size": 1024})
        live = self.node.events(job)
        self.node.result(job)
        check_history(live)
        self.assertEqual(self.node.events(job), live)
        ended = live[-1]["data"]["output"]
        for stream in ("stdout", "stderr"):
            log = self.node.logs(job, stream)
            self.assertEqual(output_of(live, stream), log)
            self.assertEqual((ended[stream]["bytes"], ended[stream]["sha256"]), (len(log), sha256(log)))
        chunks = [chunk_bytes(e) for e in live if e["type"] == "job_output"]
        self.assertLessEqual(max(map(len, chunks)), 1024)
        self.assertTrue(all(chunks), "an empty chunk")


class ServerSentEvents(StreamTest):

    def test_the_form_of_a_stream(self):
        job = self.node.submit(command="echo 'a\nb'")
        self.node.result(job)
        reply = self.node.get(f"/v1/jobs/{job}/events", headers={"Accept": "text/event-stream"})
        self.assertTrue(reply.headers["Content-Type"].startswith("text/event-stream"))
        self.assertIn("no-store", reply.headers["Cache-Control"])
        for number, block in enumerate(reply.body.decode().split("\n\n")[:-1], 1):
            lines = [line for line in block.split("\n") if not line.startswith(":")]
            self.assertEqual(len(lines), 3, block)
            self.assertEqual(lines[0], f"id: {number}")
            data = json.loads(lines[2].removeprefix("data: "))
            self.assertEqual((lines[1], data["seq"]), ("event: " + data["type"], number))

    def test_a_client_that_comes_back_misses_nothing(self):
        job = self.start_reader()
        seen = []
        for word in ("one", "two", "three"):
            stream = self.node.sse(job, headers={"Last-Event-ID": str(seen[-1]["seq"])} if seen else {})
            self.node.post(f"/v1/jobs/{job}/stdin", word.encode() + b"\n")
            while word.encode() not in output_of(seen):
                seen.append(next(stream))
            stream.close()
        self.node.post(f"/v1/jobs/{job}/stdin?eof=1")
        seen += self.node.events(job, f"?from={seen[-1]['seq'] + 1}")
        check_history(seen)
        self.assertEqual(output_of(seen), b"got one\ngot two\ngot three\n")

    def test_clients_that_go_away_leave_nothing_behind(self):
        job = self.start_reader()
        before = wait_until(self.node.fd_count, "a count")
        for path in (f"/v1/jobs/{job}/events", f"/v1/jobs/{job}/logs?follow=1",
                     f"/v1/jobs/{job}/output?wait=60"):
            for _ in range(20):
                peer = socket.create_connection(("127.0.0.1", self.node.port))
                peer.sendall(self.node.head("GET", path))
                if "output" not in path:
                    self.assertTrue(peer.recv(100).startswith(b"HTTP/1.1 200"))
                peer.close()
        for _ in range(20):
            client = self.node.websocket()
            client.send({"type": "subscribe", "job_ids": [job]})
            client.close()
        wait_until(lambda: self.node.fd_count() <= before, f"not more than {before} descriptors")
        self.node.post(f"/v1/jobs/{job}/stdin?eof=1", b"still\n")
        self.assertEqual(self.node.result(job)["stdout"], "got still\n")


class Heartbeats(StreamTest):
    settings = (*SETTINGS, "--websocket.heartbeat_interval_ms=100")

    def test_heartbeats_come_by_themselves(self):
        client = self.connect()
        begin = time.monotonic()
        for _ in range(3):
            beat = client.receive()
            self.assertEqual((beat["type"], beat["job_id"]), ("heartbeat", "system"))
            self.assertLess(abs(beat["timestamp"] / 1000 - time.time()), 60)
        self.assertLess(time.monotonic() - begin, 5)


class FewClients(StreamTest):
    settings = (*SETTINGS, "--websocket.max_clients=2")

    def test_one_client_too_many_is_told_to_try_later(self):
        one = self.connect()
        two = self.connect(port=self.node.websocket_port)
        with self.node.websocket() as third:
            self.assertEqual((third.status, third.receive()), (101, ("close", 1013)))
        with self.node.websocket(port=self.node.websocket_port) as third:
            self.assertEqual(third.receive(), ("close", 1013))
        one.close()

        def let_in():
            with self.node.websocket() as client:
                return client.receive() != ("close", 1013)
        wait_until(let_in, "room for another")
        two.send({"type": "ping"})
        self.assertEqual(two.receive()["type"], "pong")


class OldClients(StreamTest):
    settings = (*SETTINGS, "--websocket.anonymous_loopback=true")

    def test_the_websocket_port_can_be_opened_to_this_machine(self):
        with self.node.websocket(port=self.node.websocket_port, token=False) as client:
            self.assertEqual(client.status, 101)
        with self.node.websocket(token=False) as client:
            self.assertEqual(client.status, 401)
        with self.node.websocket(port=self.node.websocket_port, token=False,
                                 headers={"Origin": "http://evil.example"}) as client:
            self.assertEqual(client.status, 403)


class Stopping(unittest.TestCase):

    def test_a_node_that_stops_says_so(self):
        node = Node(*SETTINGS)
        self.addCleanup(node.close)
        job = node.submit(command="echo x; exec sleep 300")
        with node.websocket() as client:
            client.send({"type": "subscribe", "job_ids": [job]})
            client.until("job_output")
            self.assertEqual(node.stop(), 0)
            rest = []
            while not isinstance(message := client.receive(), tuple):
                rest.append(message)
            self.assertIn(message, (("close", 1001), ("close", None)))
            self.assertEqual([m["data"]["status"] for m in rest if m["type"] == "job_error"], ["cancelled"])


class Slow(StreamTest):
    """Subscribers that stop reading."""

    size = 64 << 20

    def stuck_socket(self):
        peer = socket.socket()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.connect(("127.0.0.1", self.node.port))
        self.addCleanup(peer.close)
        return peer

    def stuck_request(self, path):
        peer = self.stuck_socket()
        peer.sendall(self.node.head("GET", path))

    @unittest.skipIf(is_sanitized(), "a sanitizer's own memory is not what this measures")
    def test_one_that_does_not_read_costs_no_memory_and_slows_nobody(self):
        # A first pass, so that what is measured is not what any job needs once.
        self.node.events(self.node.submit(command="head -c 3000000 /dev/zero | tr '\\0' x"))
        job = self.node.submit(command=f"read -r go; head -c {self.size} /dev/urandom | base64 -w 1000",
                               stdin=OPEN_INPUT, limits={"max_output_size": 100 << 20})
        self.node.wait_for_phase(job, "EXECUTE")
        for _ in range(4):
            self.stuck_request(f"/v1/jobs/{job}/events")
            self.stuck_request(f"/v1/jobs/{job}/logs?follow=1")
            stuck = self.connect()
            stuck.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            stuck.send({"type": "subscribe", "job_ids": [job]})
        client = self.connect()
        client.send({"type": "subscribe", "job_ids": [job]})
        before = most = self.node.rss_kb()
        done = threading.Event()

        def watch():
            nonlocal most
            while not done.wait(0.02):
                most = max(most, self.node.rss_kb())
        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            self.node.post(f"/v1/jobs/{job}/stdin?eof=1", b"go\n")
            messages = of_job(until_end(client, job), job)
        finally:
            done.set()
            watcher.join()
        check_history(messages)
        output = output_of(messages)
        self.assertGreater(len(output), self.size)
        self.assertEqual(sha256(output), messages[-1]["data"]["output"]["stdout"]["sha256"])
        grown = (max(most, self.node.rss_kb()) - before) / 1024
        self.assertLess(grown, 16, f"the node grew by {grown:.1f} MiB")

    @unittest.skipIf(is_sanitized(), "a sanitizer's own memory is not what this measures")
    def test_one_that_talks_without_reading_is_bounded_too(self):
        before = self.node.rss_kb()
        client = self.connect()
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.socket.settimeout(2)
        message = b'{"type":"' + b"x" * 3000 + b'"}'
        try:
            for _ in range(20_000):
                client.send_raw(message)
        except (TimeoutError, ConnectionError):
            pass
        grown = (self.node.rss_kb() - before) / 1024
        self.assertLess(grown, 16, f"the node grew by {grown:.1f} MiB")
        self.assertEqual(self.node.get("/healthz").status, 200)

    def test_one_that_reads_again_gets_all_of_it(self):
        job = self.node.submit(command="head -c 3000000 /dev/urandom | base64 -w 0",
                               limits={"max_output_size": "8MB"})
        client = self.connect()
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.send({"type": "subscribe", "job_ids": [job]})
        self.node.result(job)
        messages = of_job(until_end(client, job), job)
        check_history(messages)
        self.assertEqual(output_of(messages), self.node.logs(job))
        self.assertEqual(len(base64.b64decode(output_of(messages))), 3000000)


if __name__ == "__main__":
    unittest.main()
