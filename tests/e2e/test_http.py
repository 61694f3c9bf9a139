"""The HTTP API, one endpoint after the other."""

import io
import json
import re
import socket
import tarfile
import threading
import time
import unittest

from harness import SEES_THE_MACHINE, Node, NodeTest, wait_until

ROOMY = ("--worker.concurrency=4", "--session.kill_grace_ms=300",
         "--governance.memory_overcommit=0", "--governance.cpu_overcommit=0")

# A job that runs until it is stopped.
SLEEP = {"command": "echo begun; exec sleep 300"}


class HttpTest(NodeTest):
    settings = ROOMY

    def refused(self, reply, status, code, field=None):
        """Checks the one shape of all errors."""
        self.assertEqual(reply.status, status, reply.body)
        error = reply.json
        self.assertEqual(error["code"], code, error)
        self.assertTrue(error["error"])
        self.assertRegex(error["timestamp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
        if field:
            self.assertEqual(error["details"]["field"], field, error)
            self.assertTrue(error["details"]["reason"])
        return error

    def start_sleeper(self, **more):
        job = self.node.submit(**{**SLEEP, **more})
        self.addCleanup(self.node.post, f"/v1/jobs/{job}/cancel")
        wait_until(lambda: self.node.logs(job) == b"begun\n", "its output")
        return job


class Submitting(HttpTest):
    settings = (*ROOMY, *SEES_THE_MACHINE)

    def test_the_answer_is_the_jobs_state(self):
        reply = self.node.post("/v1/jobs", {"command": "true", "labels": {"a": "b"},
                                            "metadata": {"n": [1, None, "x"]}})
        self.assertEqual(reply.status, 201)
        state = reply.json
        for name in ("job_id", "status", "phase", "session_id", "worker_id", "attempt", "created_at",
                     "started_at", "finished_at", "reason", "metrics"):
            self.assertIn(name, state)
        self.assertIn(state["status"], ("pending", "running", "finished"))
        self.assertRegex(state["job_id"], r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$")
        self.assertEqual(state["labels"], {"a": "b"})
        self.assertEqual(state["metadata"], {"n": [1, None, "x"]})
        ended = self.node.result(state["job_id"])
        self.assertEqual(ended["metadata"], {"n": [1, None, "x"]})
        self.assertEqual(self.node.state(state["job_id"])["status"], "finished")

    def test_waiting_for_the_end_answers_with_the_result(self):
        reply = self.node.post("/v1/jobs?wait=30", {"command": "echo hi"})
        self.assertEqual((reply.status, reply.json["stdout"], reply.json["exit_code"]), (201, "hi\n", 0))

    def test_waiting_too_short_answers_with_the_state(self):
        begin = time.monotonic()
        reply = self.node.post("/v1/jobs?wait=0.2", SLEEP)
        self.assertLess(time.monotonic() - begin, 10)
        self.assertEqual(reply.status, 201)
        self.assertNotIn("exit_code", reply.json)
        self.assertIn(reply.json["status"], ("pending", "running"))
        self.node.post(f"/v1/jobs/{reply.json['job_id']}/cancel")

    def test_a_wait_that_is_none(self):
        for text in ("x", "-1", "3601", "", "1e3", "nan", "inf"):
            with self.subTest(wait=text):
                self.refused(self.node.post(f"/v1/jobs?wait={text}", {"command": "true"}),
                             400, "invalid_request", "wait")

    def test_the_same_request_again_is_the_same_job(self):
        request = {"job_id": "same-1", "command": "echo once; exec sleep 300", "env": {"A": "1"}}
        first = self.node.post("/v1/jobs", request)
        # Another spelling of the same request.
        again = self.node.post("/v1/jobs", body='{ "env" : {"A":"\\u0031"}, "priority": 50, '
                               '"command":"echo once; exec sleep 300", "job_id":"same-1" }',
                               headers={"Content-Type": "application/json; charset=utf-8"})
        self.assertEqual((first.status, again.status), (201, 200))
        self.assertEqual(again.json["session_id"], first.json["session_id"])
        other = self.node.post("/v1/jobs", {**request, "env": {"A": "2"}})
        self.refused(other, 409, "conflict", "job_id")
        wait_until(lambda: self.node.logs("same-1") == b"once\n", "its output")
        self.node.post("/v1/jobs/same-1/cancel")
        self.assertEqual(self.node.result("same-1")["status"], "cancelled")
        # It has ended; the id is taken all the same.
        again = self.node.post("/v1/jobs", request)
        self.assertEqual((again.status, again.json["status"]), (200, "cancelled"))
        again = self.node.post("/v1/jobs?wait=10", request)
        self.assertEqual((again.status, again.json["stdout"]), (200, "once\n"))
        self.refused(self.node.post("/v1/jobs", {**request, "command": "true"}), 409, "conflict", "job_id")

    def test_many_at_once_with_one_id_start_one_job(self):
        statuses = []
        request = {"job_id": "race-1", "command": 'echo x >>"$MARK"',
                   "env": {"MARK": str(self.node.state_dir / "race")}}
        threads = [threading.Thread(
            target=lambda: statuses.append(self.node.post("/v1/jobs", request).status)) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(statuses), [200] * 11 + [201])
        self.node.result("race-1")
        self.assertEqual((self.node.state_dir / "race").read_text(), "x\n")

    def test_after_a_restart_the_id_is_still_taken(self):
        node = Node(*self.settings)
        self.addCleanup(node.close)
        request = {"job_id": "kept-1", "command": "echo kept", "secrets": {"S": "a secret value"}}
        first = node.post("/v1/jobs?wait=30", request)
        self.assertEqual(first.status, 201)
        node.restart()
        again = node.post("/v1/jobs?wait=30", request)
        self.assertEqual((again.status, again.json), (200, first.json))
        other = node.post("/v1/jobs", {**request, "command": "echo other"})
        self.assertEqual((other.status, other.json["code"]), (409, "conflict"))

    def test_a_job_that_needs_what_is_not_there_is_refused(self):
        reply = self.node.post("/v1/jobs", {"command": "true", "require": ["network-namespace-of-mars"]})
        error = self.refused(reply, 422, "isolation_unavailable")
        self.assertIn("network-namespace-of-mars", error["error"])

    def test_constraints_that_no_worker_meets_are_explained(self):
        job = self.node.submit(command="true", constraints={"gpu": "eight"})
        try:
            why = self.node.get(f"/v1/jobs/{job}/why").json
            self.assertEqual(why["status"], "pending")
            self.assertIn("gpu", json.dumps(why))
        finally:
            self.node.post(f"/v1/jobs/{job}/cancel")


class Listing(HttpTest):

    def test_newest_first_by_status_label_and_page(self):
        ids = []
        for i in range(7):
            job = self.node.submit(job_id=f"list-{i}", command="exit $CODE", env={"CODE": str(i % 2)},
                                   labels={"set": "listing", "odd": str(i % 2)})
            self.node.result(job)
            ids.append(job)
        listed = self.node.get("/v1/jobs?label=set%3Dlisting").json
        self.assertEqual([j["job_id"] for j in listed["jobs"]], ids[::-1])
        self.assertFalse(listed["next_cursor"])
        odd = self.node.get("/v1/jobs?label=set%3Dlisting&label=odd%3D1").json["jobs"]
        self.assertEqual([j["job_id"] for j in odd], [f"list-{i}" for i in (5, 3, 1)])
        failed = self.node.get("/v1/jobs?label=set%3Dlisting&status=failed").json["jobs"]
        self.assertEqual(failed, odd)
        self.assertEqual(self.node.get("/v1/jobs?label=set%3Dnothing").json["jobs"], [])
        paged, cursor = [], ""
        for _ in range(20):
            page = self.node.get(f"/v1/jobs?label=set%3Dlisting&limit=3&cursor={cursor}").json
            self.assertLessEqual(len(page["jobs"]), 3)
            paged += [j["job_id"] for j in page["jobs"]]
            cursor = page["next_cursor"]
            if not cursor:
                break
        self.assertEqual(paged, ids[::-1])

    def test_a_running_job_is_listed_as_running(self):
        job = self.start_sleeper(labels={"set": "running"})
        listed = self.node.get("/v1/jobs?status=running&label=set%3Drunning").json["jobs"]
        self.assertEqual([j["job_id"] for j in listed], [job])
        self.assertEqual(listed[0]["status"], "running")

    def test_filters_that_are_none(self):
        for query, field in (("status=done", "status"), ("limit=0", "limit"), ("limit=1001", "limit"),
                             ("limit=x", "limit"), ("limit=-1", "limit"), ("label=plain", "label"),
                             ("colour=red", "colour"), ("cursor=nonsense", "cursor")):
            with self.subTest(query=query):
                self.refused(self.node.get(f"/v1/jobs?{query}"), 400, "invalid_request", field)


class Reading(HttpTest):

    def test_there_is_no_output_before_the_end(self):
        job = self.start_sleeper()
        reply = self.node.get(f"/v1/jobs/{job}/output")
        error = self.refused(reply, 409, "not_ended")
        self.assertEqual((error["state"]["job_id"], error["state"]["status"]), (job, "running"))
        begin = time.monotonic()
        self.assertEqual(self.node.get(f"/v1/jobs/{job}/output?wait=0.3").status, 409)
        self.assertGreaterEqual(time.monotonic() - begin, 0.25)

    def test_a_phase_is_shown_while_it_runs_and_not_after(self):
        job = self.start_sleeper()
        state = self.node.state(job)
        self.assertEqual((state["status"], state["phase"], state["attempt"]), ("running", "EXECUTE", 1))
        self.assertTrue(state["started_at"])
        self.node.post(f"/v1/jobs/{job}/cancel", {"reason": "seen enough"})
        self.node.result(job)
        state = self.node.state(job)
        self.assertEqual(state["status"], "cancelled")
        self.assertEqual(state["reason"]["code"], "cancelled")
        self.assertLessEqual(state["created_at"], state["started_at"])
        self.assertLessEqual(state["started_at"], state["finished_at"])

    def test_a_large_text_is_cut_in_the_result_and_whole_in_the_logs(self):
        job = self.node.submit(command="head -c 1500000 /dev/zero | tr '\\0' z")
        result = self.node.result(job)
        self.assertTrue(result["truncated_in_response"])
        self.assertEqual(result["stdout"], "z" * (1 << 20))
        self.assertEqual(result["output"]["stdout"]["bytes"], 1500000)
        self.assertEqual(self.node.logs(job), b"z" * 1500000)

    def test_logs_by_offset_limit_and_range(self):
        job = self.node.submit(command="printf 0123456789; printf abc >&2")
        self.node.result(job)
        path = f"/v1/jobs/{job}/logs"
        for query, text in (("", b"0123456789"), ("?stream=stdout&offset=4", b"456789"),
                            ("?offset=2&limit=3", b"234"), ("?limit=0", b""), ("?offset=10", b""),
                            ("?offset=99", b""), ("?stream=stderr", b"abc"),
                            ("?stream=stderr&follow=1", b"abc"), ("?follow=1&offset=8", b"89")):
            with self.subTest(query=query):
                reply = self.node.get(path + query)
                self.assertEqual((reply.status, reply.body), (200, text))
                self.assertEqual(reply.headers["Content-Type"], "application/octet-stream")
        for header, text, where in (("bytes=0-3", b"0123", "0-3"), ("bytes=7-", b"789", "7-9"),
                                    ("bytes=-2", b"89", "8-9"), ("bytes=5-5", b"5", "5-5"),
                                    ("bytes=8-100", b"89", "8-9")):
            with self.subTest(range=header):
                reply = self.node.get(path, headers={"Range": header})
                self.assertEqual((reply.status, reply.body), (206, text))
                self.assertEqual(reply.headers["Content-Range"], f"bytes {where}/10")
        for header in ("bytes=10-", "bytes=99-100", "bytes=-0", "bytes=99999999999999999999-"):
            with self.subTest(range=header):
                reply = self.node.get(path, headers={"Range": header})
                self.assertEqual((reply.status, reply.headers["Content-Range"]), (416, "bytes */10"))
        for header in ("bytes=3-1", "bytes=x-y", "lines=1-2", "bytes"):
            with self.subTest(range=header):
                reply = self.node.get(path, headers={"Range": header})
                self.assertEqual((reply.status, reply.body), (200, b"0123456789"))
        for query, field in (("?stream=stdwhat", "stream"), ("?offset=-1", "offset"),
                             ("?offset=x", "offset"), ("?limit=1.5", "limit"), ("?follow=maybe", "follow"),
                             ("?offset=99999999999999999999", "offset")):
            with self.subTest(query=query):
                self.refused(self.node.get(path + query), 400, "invalid_request", field)

    def test_followed_logs_come_as_they_are_written(self):
        job = self.node.submit(command="echo one; read -r x; echo two$x", stdin={"content_base64": "",
                                                                               "open": True})
        connection = self.node.connect()
        self.addCleanup(connection.close)
        connection.request("GET", f"/v1/jobs/{job}/logs?follow=1",
                           headers={"Authorization": f"Bearer {self.node.token}"})
        answer = connection.getresponse()
        self.assertEqual(answer.read(4), b"one\n")
        self.node.wait_for_phase(job, "EXECUTE")
        self.assertEqual(self.node.post(f"/v1/jobs/{job}/stdin?eof=1", b"!\n").status, 200)
        self.assertEqual(answer.read(), b"two!\n")
        # The connection is good for another request.
        connection.request("GET", "/healthz")
        self.assertEqual(connection.getresponse().status, 200)

    def test_artifacts_one_by_one_and_as_an_archive(self):
        job = self.node.submit(command='cd "$OUTPUT_DIR"; printf "a" >a; mkdir d; : >empty; '
                                       'printf "%05000d" 0 >"d/b c"; printf x >"name\twith\x01odd"')
        result = self.node.result(job)
        names = sorted(result["artifacts"])
        self.assertEqual(names, ["a", "d/b c", "empty", "name\twith\x01odd"])
        for path, content in (("a", b"a"), ("d/b%20c", b"0" * 5000), ("empty", b"")):
            reply = self.node.get(f"/v1/jobs/{job}/artifacts/{path}")
            self.assertEqual((reply.status, reply.body), (200, content))
            self.assertIn("attachment", reply.headers["Content-Disposition"])
        reply = self.node.get(f"/v1/jobs/{job}/artifacts.tar")
        self.assertEqual((reply.status, reply.headers["Content-Type"]), (200, "application/x-tar"))
        with tarfile.open(fileobj=io.BytesIO(reply.body)) as tar:
            self.assertEqual(sorted(tar.getnames()), names)
            self.assertEqual(tar.extractfile("d/b c").read(), b"0" * 5000)
        for path in ("nothing", "d", "d/"):
            self.assertEqual(self.node.get(f"/v1/jobs/{job}/artifacts/{path}").status, 404, path)

    def test_a_job_without_artifacts_has_an_empty_archive(self):
        job = self.node.submit(command="true")
        self.node.result(job)
        reply = self.node.get(f"/v1/jobs/{job}/artifacts.tar")
        self.assertEqual(reply.status, 200)
        with tarfile.open(fileobj=io.BytesIO(reply.body)) as tar:
            self.assertEqual(tar.getnames(), [])
        self.assertEqual(self.node.get(f"/v1/jobs/{job}/artifacts").json, {"artifacts": []})

    def test_why_a_job_ended_so(self):
        job = self.node.submit(command="exit 3")
        self.node.result(job)
        why = self.node.get(f"/v1/jobs/{job}/why").json
        self.assertEqual((why["job_id"], why["status"]), (job, "failed"))
        self.assertIn("code 3", json.dumps(why["chain"]))
        self.assertTrue(all(step["what"] for step in why["chain"]))

    def test_what_is_alive_is_listed(self):
        job = self.start_sleeper()
        sessions = self.node.get("/v1/sessions").json["sessions"]
        mine = [s for s in sessions if s["job_id"] == job]
        self.assertEqual(len(mine), 1)
        self.assertEqual((mine[0]["phase"], mine[0]["session_id"]),
                         ("EXECUTE", self.node.state(job)["session_id"]))
        workers = self.node.get("/v1/workers").json["workers"]
        self.assertEqual(len(workers), 1)
        self.assertEqual((workers[0]["state"], workers[0]["concurrency"]), ("ready", 4))
        self.assertGreaterEqual(workers[0]["running"], 1)
        self.assertLessEqual({"hostname", "arch", "gpu"}, set(workers[0]["labels"]))
        self.node.post(f"/v1/jobs/{job}/cancel")
        self.node.result(job)
        wait_until(lambda: job not in self.node.get("/v1/sessions").body.decode(), "the session gone")


class Waiting(HttpTest):
    settings = ("--worker.concurrency=1", "--session.kill_grace_ms=300", *SEES_THE_MACHINE)

    def test_why_a_job_waits(self):
        first = self.start_sleeper()
        second = self.node.submit(command="echo at last")
        why = self.node.get(f"/v1/jobs/{second}/why").json
        self.assertEqual(why["status"], "pending")
        self.assertIn("1 of 1", json.dumps(why["chain"]))
        self.assertTrue(why["advice"])
        self.assertEqual(self.node.get(f"/v1/jobs/{first}/why").json["status"], "running")
        self.assertEqual(self.node.get("/v1/workers").json["workers"][0]["waiting"], 1)
        self.node.post(f"/v1/jobs/{first}/cancel")
        self.assertEqual(self.node.result(second)["stdout"], "at last\n")

    def test_higher_priority_goes_first_and_owners_take_turns(self):
        blocker = self.start_sleeper()
        order = self.node.state_dir / "order"

        def submit(name, **more):
            return self.node.submit(command=f'echo {name} >>"{order}"', **more)
        jobs = [submit("low", priority=10)]
        jobs += [submit(f"a{i}", labels={"owner": "a"}) for i in range(3)]
        jobs += [submit(f"b{i}", labels={"owner": "b"}) for i in range(2)]
        jobs += [submit("high", priority=90)]
        self.node.post(f"/v1/jobs/{blocker}/cancel")
        for job in jobs:
            self.node.result(job)
        ran = order.read_text().split()
        self.assertEqual((ran[0], ran[-1]), ("high", "low"))
        self.assertEqual(sorted(ran[1:5]), ["a0", "a1", "b0", "b1"])

    def test_waiting_in_the_queue_has_a_limit(self):
        blocker = self.start_sleeper()
        job = self.node.submit(command="true", limits={"queue_timeout": 200})
        result = self.node.result(job)
        self.assertEqual((result["status"], result["reason"]["code"], result["exit_code"]),
                         ("timeout", "queue_timeout", -1))
        self.node.post(f"/v1/jobs/{blocker}/cancel")
        self.node.result(blocker)

    def test_a_waiting_job_can_be_cancelled(self):
        blocker = self.start_sleeper()
        job = self.node.submit(command="true")
        reply = self.node.post(f"/v1/jobs/{job}/cancel")
        self.assertEqual((reply.status, reply.json["status"]), (200, "cancelled"))
        self.assertEqual(self.node.result(job)["exit_code"], -1)
        events = self.node.events(job)
        self.assertEqual([e["type"] for e in events], ["job_error"])
        self.node.post(f"/v1/jobs/{blocker}/cancel")
        self.node.result(blocker)


class Forgetting(HttpTest):

    def test_a_job_is_forgotten_with_all_it_left(self):
        job = self.node.submit(command='echo text; echo kept >"$OUTPUT_DIR/f"')
        session = self.node.result(job)["session_id"]
        store = self.node.state_dir / "store"

        def left():
            return [p for p in store.rglob("*") if session in p.name or job in p.name]
        self.assertTrue(left(), "nothing to forget")
        reply = self.node.call("DELETE", f"/v1/jobs/{job}")
        self.assertEqual((reply.status, reply.json["job_id"]), (200, job))
        for path in ("", "/output", "/logs", "/events", "/artifacts", "/artifacts/f", "/artifacts.tar",
                     "/why"):
            self.refused(self.node.get(f"/v1/jobs/{job}{path}"), 404, "not_found")
        self.refused(self.node.call("DELETE", f"/v1/jobs/{job}"), 404, "not_found")
        self.assertNotIn(job, self.node.get("/v1/jobs?limit=1000").body.decode())
        wait_until(lambda: not left(), "its files gone")
        # The id is free again.
        self.assertEqual(self.node.post("/v1/jobs", {"job_id": job, "command": "true"}).status, 201)

    def test_a_running_job_is_not_forgotten(self):
        job = self.start_sleeper()
        self.refused(self.node.call("DELETE", f"/v1/jobs/{job}"), 409, "not_ended")
        self.assertEqual(self.node.state(job)["status"], "running")


class TheNodeItself(HttpTest):

    def test_health_needs_no_token(self):
        for path in ("/healthz", "/health"):
            reply = self.node.get(path, token=False)
            self.assertEqual((reply.status, reply.json["status"]), (200, "ok"))
        reply = self.node.get("/ready", token=False)
        self.assertEqual((reply.status, reply.json["status"]), (200, "ready"))
        self.assertTrue(all(check["ok"] for check in reply.json["checks"]))

    def test_metrics_as_json_count_jobs(self):
        before = self.node.get("/v1/metrics").json["jobs"]
        self.node.run(command="echo 1234567")
        self.node.run(command="false")
        after = self.node.get("/v1/metrics").json
        self.assertEqual({name: after["jobs"][name] - before[name]
                          for name in ("accepted", "started", "finished", "failed", "output_bytes")},
                         {"accepted": 2, "started": 2, "finished": 1, "failed": 1, "output_bytes": 8})
        self.assertEqual(after["worker"]["concurrency"], 4)
        self.assertTrue(after["ready"]["ready"])

    def test_every_line_of_the_prometheus_text_parses(self):
        self.node.run(command="true")
        reply = self.node.get("/metrics", token=False)
        self.assertEqual(reply.status, 200)
        self.assertIn("text/plain", reply.headers["Content-Type"])
        self.assertIn("version=0.0.4", reply.headers["Content-Type"])
        sample = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{([a-zA-Z_]\w*="(?:[^"\\]|\\.)*",?)*\})? '
                            r'([+-]?(?:\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|Inf|NaN))$')
        families, values = {}, {}
        self.assertTrue(reply.body.endswith(b"\n"))
        for line in reply.body.decode().splitlines():
            if line.startswith("# HELP "):
                continue
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split()
                self.assertNotIn(name, families, "a family is there twice")
                self.assertIn(kind, ("counter", "gauge", "histogram", "summary"))
                families[name] = kind
                continue
            found = sample.match(line)
            self.assertTrue(found, line)
            self.assertIn(found[1], families, "a sample without its TYPE")
            key = found[1] + (found[2] or "")
            self.assertNotIn(key, values, "a sample is there twice")
            values[key] = float(found[4])
        for name, kind in families.items():
            self.assertEqual(name.endswith("_total"), kind == "counter", name)
        self.assertGreaterEqual(values['opencode_worker_jobs_ended_total{status="finished"}'], 1)
        self.assertEqual(values["opencode_worker_ready"], 1)
        self.assertGreater(values["process_resident_memory_bytes"], 1 << 20)

    def test_the_description_matches_the_router(self):
        document = self.node.get("/openapi.json").json
        self.assertTrue(document["openapi"].startswith("3.1"))
        job = self.node.submit(command='echo x >"$OUTPUT_DIR/f"')
        self.node.result(job)
        calls = [(verb, path) for path, item in document["paths"].items() for verb in item]
        self.assertGreaterEqual(len(calls), 20)
        calls.sort(key=lambda call: call[0] == "delete")
        for verb, path in calls:
            with self.subTest(verb=verb, path=path):
                real = path.replace("{job_id}", job).replace("{path}", "f")
                body = {"command": "true"} if (verb, path) == ("post", "/v1/jobs") else None
                reply = self.node.call(verb.upper(), real, body)
                self.assertNotIn(reply.status, (404, 405, 500), reply.body)
        text = json.dumps(document)
        for name in re.findall(r'"#/components/(\w+/\w+)"', text):
            kind, key = name.split("/")
            self.assertIn(key, document["components"][kind])
        for path in ("/v1/jobs", "/v1/jobs/{job_id}", "/v1/jobs/{job_id}/output", "/v1/jobs/{job_id}/logs",
                     "/v1/jobs/{job_id}/events", "/v1/jobs/{job_id}/cancel", "/v1/jobs/{job_id}/stdin",
                     "/v1/jobs/{job_id}/artifacts", "/v1/jobs/{job_id}/why", "/v1/sessions", "/v1/workers",
                     "/v1/metrics", "/metrics", "/healthz", "/health", "/ready", "/openapi.json",
                     "/v1/stream"):
            self.assertIn(path, document["paths"])


class Refusals(HttpTest):

    def test_what_is_not_there(self):
        for path in ("/", "/v1", "/v1/", "/v1/job", "/v1/jobs/", "/v2/jobs", "/v1/jobs/x/y", "/healthz/",
                     "/V1/JOBS", "/v1//jobs"):
            with self.subTest(path=path):
                self.refused(self.node.get(path), 404, "not_found")
        for verb, path in (("GET", ""), ("DELETE", ""), ("GET", "/output"), ("GET", "/logs"),
                           ("GET", "/events"),
                           ("GET", "/artifacts"), ("GET", "/artifacts.tar"), ("GET", "/artifacts/x"),
                           ("GET", "/why"), ("POST", "/cancel"), ("POST", "/stdin")):
            with self.subTest(verb=verb, path=path):
                self.refused(self.node.call(verb, f"/v1/jobs/no-such-job{path}"), 404, "not_found")

    def test_a_verb_a_path_does_not_take(self):
        for verb, path, allowed in (("DELETE", "/v1/jobs", {"GET", "HEAD", "POST", "OPTIONS"}),
                                    ("PUT", "/v1/jobs/x", {"GET", "HEAD", "DELETE", "OPTIONS"}),
                                    ("GET", "/v1/jobs/x/cancel", {"POST", "OPTIONS"}),
                                    ("POST", "/healthz", {"GET", "HEAD", "OPTIONS"}),
                                    ("BREW", "/v1/jobs", {"GET", "HEAD", "POST", "OPTIONS"})):
            with self.subTest(verb=verb, path=path):
                reply = self.node.call(verb, path)
                self.assertEqual(reply.status, 405, reply.body)
                self.assertEqual({word.strip() for word in reply.headers["Allow"].split(",")}, allowed)
        self.assertEqual(self.node.call("OPTIONS", "/v1/jobs").status, 204)

    def test_a_body_of_another_type(self):
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx",
                     "multipart/form-data"):
            with self.subTest(kind=kind):
                reply = self.node.post("/v1/jobs", body=b'{"command":"true"}', headers={"Content-Type": kind})
                self.refused(reply, 415, "unsupported_media")
        reply = self.node.post("/v1/jobs?wait=30", body=b'{"command":"true"}',
                               headers={"Content-Type": "Application/JSON ; charset=utf-8"})
        self.assertEqual(reply.status, 201)

    def test_a_query_parameter_that_is_none(self):
        for path in ("/v1/jobs?statsu=failed", "/healthz?x=1", "/v1/jobs/x?wait=1"):
            self.refused(self.node.get(path), 400, "invalid_request")

    def test_without_the_token(self):
        job = self.node.submit(command="true")
        self.node.result(job)
        for verb, path in (("GET", "/v1/jobs"), ("POST", "/v1/jobs"), ("GET", f"/v1/jobs/{job}/output"),
                           ("GET", f"/v1/jobs/{job}/events"), ("GET", "/openapi.json"), ("GET", "/nothing"),
                           ("GET", f"/v1/jobs?token={self.node.token}")):
            with self.subTest(verb=verb, path=path):
                reply = self.node.call(verb, path, token=False)
                self.refused(reply, 401, "unauthorized")
                self.assertEqual(reply.headers["WWW-Authenticate"], "Bearer")
        for value in ("Bearer", "Bearer ", "Bearer x", "Basic " + self.node.token, self.node.token,
                      "Bearer " + self.node.token + "x", "Bearer " + self.node.token[:-1]):
            with self.subTest(value=value):
                reply = self.node.get("/v1/jobs", headers={"Authorization": value}, token=False)
                self.refused(reply, 401, "unauthorized")

    def test_pages_of_other_sites(self):
        self.refused(self.node.get("/v1/jobs", headers={"Host": "evil.example"}), 403, "forbidden", "Host")
        self.refused(self.node.get("/healthz", headers={"Host": "evil.example"}), 403, "forbidden", "Host")
        self.refused(self.node.get("/v1/jobs", headers={"Origin": "http://evil.example"}),
                     403, "forbidden", "Origin")
        self.refused(self.node.get("/v1/jobs", headers={"Origin": "null"}), 403, "forbidden", "Origin")
        for host in (f"localhost:{self.node.port}", f"127.0.0.1:{self.node.port}", f"[::1]:{self.node.port}"):
            self.assertEqual(self.node.get("/v1/jobs", headers={"Host": host}).status, 200, host)
        own = f"http://127.0.0.1:{self.node.port}"
        self.assertEqual(self.node.get("/v1/jobs", headers={"Origin": own}).status, 200)

    def test_heads_have_no_body(self):
        job = self.node.submit(command="printf 12345")
        self.node.result(job)
        for path in ("/healthz", "/openapi.json", f"/v1/jobs/{job}", f"/v1/jobs/{job}/output",
                     f"/v1/jobs/{job}/logs", f"/v1/jobs/{job}/artifacts.tar", f"/v1/jobs/{job}/artifacts"):
            with self.subTest(path=path):
                head, full = self.node.call("HEAD", path), self.node.get(path)
                self.assertEqual((head.status, head.body), (200, b""))
                self.assertEqual(head.headers["Content-Length"], full.headers["Content-Length"])
        self.assertEqual(self.node.call("HEAD", "/v1/jobs/nothing").status, 404)
        reply = self.node.raw(self.node.head("HEAD", f"/v1/jobs/{job}/events", "Connection: close"))
        self.assertTrue(reply.startswith(b"HTTP/1.1 200"), reply)
        self.assertEqual(reply.split(b"\r\n\r\n", 1)[1], b"")


class Connections(HttpTest):

    def test_one_connection_serves_many_requests_refused_ones_too(self):
        connection = self.node.connect()
        self.addCleanup(connection.close)
        head = {"Authorization": f"Bearer {self.node.token}", "Content-Type": "application/json"}
        connection.request("GET", "/healthz", headers=head)
        connection.getresponse().read()
        sock = connection.sock
        for path, body, status in (("/v1/jobs", b"not json", 400), ("/nothing", b"{}", 404),
                                   ("/v1/jobs?wait=30", b'{"command":"true"}', 201),
                                   ("/healthz", b"x" * 1000, 405), ("/v1/jobs", b"[]", 400)):
            connection.request("POST", path, body=body, headers=head)
            answer = connection.getresponse()
            answer.read()
            self.assertEqual(answer.status, status)
        self.assertIs(connection.sock, sock, "the connection was closed in between")

    def test_requests_sent_at_once_are_answered_in_order(self):
        head = self.node.head
        reply = self.node.raw(head("GET", "/healthz") + head("GET", "/v1/sessions")
                              + head("GET", "/nothing", "Connection: close"))
        self.assertEqual(re.findall(rb"HTTP/1.1 (\d+)", reply), [b"200", b"200", b"404"])

    def test_an_old_client(self):
        reply = self.node.raw(b"GET /healthz HTTP/1.0\r\n\r\n")
        self.assertTrue(reply.startswith(b"HTTP/1.1 200"), reply)
        job = self.node.submit(command="echo old")
        self.node.result(job)
        for path in (f"/v1/jobs/{job}/events", f"/v1/jobs/{job}/logs?follow=1"):
            reply = self.node.raw(self.node.head("GET", path, version="1.0"))
            self.assertNotIn(b"chunked", reply.split(b"\r\n\r\n")[0])
            self.assertIn(b"old\\n" if "events" in path else b"old\n", reply)

    def test_a_chunked_body_and_one_that_is_announced(self):
        body = b'{"command":"echo chunks"}'
        pieces = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
        submit = ("POST", "/v1/jobs?wait=30", "Content-Type: application/json", "Connection: close")
        reply = self.node.raw(self.node.head(*submit, "Transfer-Encoding: chunked") + pieces, timeout_s=30)
        self.assertTrue(reply.startswith(b"HTTP/1.1 201"), reply)
        with socket.create_connection(("127.0.0.1", self.node.port), timeout=30) as peer:
            peer.sendall(self.node.head(*submit, "Expect: 100-continue", f"Content-Length: {len(body)}"))
            self.assertTrue(peer.recv(100).startswith(b"HTTP/1.1 100"))
            peer.sendall(body)
            self.assertTrue(peer.recv(100).startswith(b"HTTP/1.1 201"))


class Bounds(HttpTest):
    settings = (*ROOMY, "--api.max_body_mb=1")

    def test_a_body_over_the_bound(self):
        fits = {"command": "wc -c", "stdin": "x" * ((1 << 20) - 100)}
        self.assertEqual(self.node.run(**fits)["stdout"].strip(), str((1 << 20) - 100))
        over = {"command": "wc -c", "stdin": "x" * (1 << 20)}
        error = self.refused(self.node.post("/v1/jobs", over), 413, "payload_too_large")
        self.assertIn("api.max_body_mb", error["error"])
        # It may come in pieces whose sum is not announced.
        chunk = b"10000\r\n" + b"y" * 65536 + b"\r\n"
        head = self.node.head("POST", "/v1/jobs", "Transfer-Encoding: chunked")
        reply = self.node.raw(head + chunk * 40 + b"0\r\n\r\n", timeout_s=30)
        self.assertTrue(reply.startswith(b"HTTP/1.1 413"), reply[:200])
        self.assertEqual(self.node.run(command="echo fine")["stdout"], "fine\n")

    def test_a_far_larger_one_is_refused_before_it_is_read(self):
        reply = self.node.raw(self.node.head("POST", "/v1/jobs", "Content-Length: 9999999999"))
        self.assertTrue(reply.startswith(b"HTTP/1.1 413"), reply[:200])


class Rates(HttpTest):
    settings = (*ROOMY, "--api.rate_limit_rpm=20")

    def test_more_than_the_rate_has_to_wait(self):
        replies = [self.node.get("/v1/sessions") for _ in range(40)]
        late = [reply for reply in replies if reply.status == 429]
        self.assertGreaterEqual(len(late), 15)
        self.refused(late[0], 429, "rate_limited")
        self.assertGreaterEqual(int(late[0].headers["Retry-After"]), 1)
        self.assertEqual(self.node.get("/healthz", token=False).status, 200)


class Pages(HttpTest):
    settings = (*ROOMY, "--api.cors_origin=https://ui.example")

    def test_the_one_origin_that_may(self):
        origin = {"Origin": "https://ui.example"}
        reply = self.node.get("/v1/jobs", headers=origin)
        self.assertEqual((reply.status, reply.headers["Access-Control-Allow-Origin"]),
                         (200, "https://ui.example"))
        reply = self.node.call("OPTIONS", "/v1/jobs", token=False, headers={
            **origin, "Access-Control-Request-Method": "POST"})
        self.assertEqual(reply.status, 204)
        self.assertIn("POST", reply.headers["Access-Control-Allow-Methods"])
        self.assertIn("Authorization", reply.headers["Access-Control-Allow-Headers"])
        # A refusal can be read by the page too.
        reply = self.node.get("/v1/jobs", headers=origin, token=False)
        self.assertEqual((reply.status, reply.headers["Access-Control-Allow-Origin"]),
                         (401, "https://ui.example"))
        self.assertEqual(self.node.get("/v1/jobs", headers={"Origin": "https://ui.example.evil"}).status, 403)


if __name__ == "__main__":
    unittest.main()
