"""Stops, crashes and losses: every accepted job ends once, and nothing of it
is left behind."""

import base64
import contextlib
import os
import signal
import socket
import statistics
import time
import unittest

from harness import (OPEN_INPUT, SEES_THE_MACHINE, Node, check_history, files_below, children_of,
                     is_sanitized, name_of, new_marker, output_of, parent_of, processes_with, sha256, wait_until)

SETTINGS = ("--session.kill_grace_ms=300", "--governance.memory_overcommit=0",
            "--governance.cpu_overcommit=0")


class LifecycleTest(unittest.TestCase):

    def start(self, *settings):
        node = Node(*SETTINGS, *settings)
        self.addCleanup(node.close)
        return node

    def wait_for_output(self, node, job, text):
        wait_until(lambda: node.logs(job) == text, f"{job} to write {text}")

    def gone(self, marker, deadline_s=10):
        wait_until(lambda: not processes_with(marker), f"the processes with {marker} gone", deadline_s)


class Stops(LifecycleTest):

    def test_a_stop_cancels_what_runs_and_keeps_what_waits(self):
        node = self.start("--worker.concurrency=1")
        marker = new_marker()
        ended = node.run(command="echo done; echo kept >\"$OUTPUT_DIR/f\"", job_id="ended")
        node.submit(command="echo begun; sleep 300", job_id="runs", env=marker)
        node.submit(command="echo it ran", job_id="waits")
        self.wait_for_output(node, "runs", b"begun\n")
        begin = time.monotonic()
        self.assertEqual(node.stop(), 0)
        self.assertLess(time.monotonic() - begin, 10)
        self.assertEqual(processes_with(marker), [])
        self.assertFalse((node.state_dir / "node.json").exists())
        node.start()
        state = node.state("runs")
        self.assertEqual((state["status"], state["reason"]["code"]), ("cancelled", "cancelled"))
        self.assertEqual(node.result("runs")["stdout"], "begun\n")
        self.assertEqual(node.result("waits")["stdout"], "it ran\n")
        self.assertEqual(node.get("/v1/jobs/ended/output").json, ended)
        self.assertEqual(node.get("/v1/jobs/ended/artifacts/f").body, b"kept\n")
        for job in ("ended", "runs", "waits"):
            check_history(node.events(job))

    def test_a_stop_waits_for_the_grace_of_a_job(self):
        node = self.start()
        node.submit(command="trap 'echo tidy; exit 0' TERM; echo on; while :; do sleep 0.02; done",
                    job_id="tidy")
        self.wait_for_output(node, "tidy", b"on\n")
        self.assertEqual(node.stop(), 0)
        node.start()
        result = node.result("tidy")
        self.assertEqual((result["status"], result["stdout"]), ("cancelled", "on\ntidy\n"))

    def test_an_interrupt_stops_it_too(self):
        node = self.start()
        node.process.send_signal(signal.SIGINT)
        self.assertEqual(node.process.wait(30), 0)

    def test_a_second_signal_does_not_wait(self):
        node = self.start("--session.kill_grace_ms=60000")
        marker = new_marker()
        node.submit(command="trap '' TERM; echo on; while :; do sleep 0.02; done", job_id="stubborn",
                    env=marker)
        self.wait_for_output(node, "stubborn", b"on\n")
        node.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "node.draining" in node.log_text(), "the stop to begin")
        node.process.send_signal(signal.SIGTERM)
        self.assertNotEqual(node.process.wait(10), 0)
        for pid in processes_with(marker):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.gone(marker)

    def test_a_stop_ends_every_connection_and_answers_who_waits(self):
        node = self.start()
        job = node.submit(command="echo begun; sleep 300")
        self.wait_for_output(node, job, b"begun\n")
        idle = node.connect()
        self.addCleanup(idle.close)
        idle.request("GET", "/healthz")
        idle.getresponse().read()
        peers = []
        for head in (node.head("GET", f"/v1/jobs/{job}/events"),
                     node.head("GET", f"/v1/jobs/{job}/logs?follow=1"),
                     node.head("GET", f"/v1/jobs/{job}/output?wait=60"), b"GET /heal"):
            peer = socket.create_connection(("127.0.0.1", node.port), timeout=20)
            self.addCleanup(peer.close)
            peer.sendall(head)
            peers.append(peer)
        for peer in peers[:2]:
            self.assertTrue(peer.recv(10))
        begin = time.monotonic()
        self.assertEqual(node.stop(), 0)
        self.assertLess(time.monotonic() - begin, 10)
        told = []
        for peer in [*peers, idle.sock]:
            text = b""
            with contextlib.suppress(ConnectionError):
                while piece := peer.recv(65536):
                    text += piece
            told.append(text)
        self.assertIn(b'"cancelled"', told[2], "nobody told the client that waited")
        self.assertIn(b"job_error", told[0], "the stream was cut before its last event")

    def test_stops_at_any_moment_are_clean(self):
        node = self.start("--worker.concurrency=3")
        names = []
        for turn in range(5):
            begin = time.monotonic()
            while time.monotonic() < begin + 0.03 * (turn + 1):
                names.append(node.submit(command='echo "$JOB_ID"', job_id=f"s{turn}-{len(names)}"))
            self.assertEqual(node.stop(), 0)
            node.start()
        for name in names:
            result = node.result(name)
            self.assertIn(result["status"], ("finished", "cancelled"))
            if result["status"] == "finished":
                self.assertEqual(result["stdout"], name + "\n")
            check_history(node.events(name))

    def test_no_process_of_the_node_outlives_it(self):
        node = self.start("--worker.concurrency=3")
        for _ in range(6):
            node.submit(command="true")
        node.run(command="true")
        launcher = node.launcher()
        family = [launcher, *children_of(launcher)]
        self.assertGreater(len(family), 1)
        self.assertEqual(node.stop(), 0)
        wait_until(lambda: not any(name_of(pid) in ("ocw-launcher", "ocw-shim") for pid in family),
                   "its launcher and shims gone", 10)


class Crashes(LifecycleTest):

    def test_after_a_kill_every_job_has_its_end(self):
        node = self.start("--worker.concurrency=1", *SEES_THE_MACHINE)
        marker = new_marker()
        ended = node.run(command='head -c 100000 /dev/urandom | tee "$OUTPUT_DIR/f"', job_id="ended")
        log = node.logs("ended")
        events = node.events("ended")
        running = {"command": "echo begun; (setsid sleep 300 &) ; sleep 300", "job_id": "runs", "env": marker}
        node.submit(**running)
        node.submit(command="echo it ran; echo x >>\"$MARK\"", job_id="waits",
                    env={"MARK": str(node.state_dir / "ran")})
        self.wait_for_output(node, "runs", b"begun\n")
        node.kill()
        node.start()
        # The ended one is as it was.
        self.assertEqual(node.get("/v1/jobs/ended/output").json, ended)
        self.assertEqual(node.logs("ended"), log)
        self.assertEqual(node.get("/v1/jobs/ended/artifacts/f").body, log)
        self.assertEqual(node.events("ended"), events)
        # The running one has ended once, with what it wrote.
        lost = node.result("runs")
        self.assertEqual((lost["status"], lost["reason"]["code"]), ("failed", "worker_lost"))
        self.assertTrue(lost["reason"]["message"])
        self.assertEqual(lost["stdout"], "begun\n")
        self.assertEqual(lost["output"]["stdout"]["bytes"], 6)
        check_history(node.events("runs"))
        self.assertEqual(output_of(node.events("runs")), b"begun\n")
        self.gone(marker)
        again = node.post("/v1/jobs", running)
        self.assertEqual((again.status, again.json["status"]), (200, "failed"))
        # The waiting one runs to its end, once.
        self.assertEqual(node.result("waits")["stdout"], "it ran\n")
        self.assertEqual((node.state_dir / "ran").read_text(), "x\n")
        wait_until(lambda: [p.name for p in node.base.iterdir()] == [".trash"], "no directory left", 10)

    def test_the_digest_of_what_a_lost_job_wrote_is_told(self):
        node = self.start()
        node.submit(command="printf 12345; printf 678 >&2; sleep 300", job_id="lost")
        self.wait_for_output(node, "lost", b"12345")
        wait_until(lambda: node.logs("lost", "stderr") == b"678", "stderr")
        node.kill()
        node.start()
        output = node.result("lost")["output"]
        self.assertEqual(output["stdout"], {"bytes": 5, "sha256": sha256(b"12345"), "truncated": False})
        self.assertEqual(output["stderr"], {"bytes": 3, "sha256": sha256(b"678"), "truncated": False})

    def test_a_job_that_ended_while_no_node_was_there_keeps_its_real_end(self):
        """A job stopped with its node still tells what it did in its grace."""
        node = self.start("--session.kill_grace_ms=5000")
        marker = new_marker()
        node.submit(command="trap 'echo saved; exit 4' TERM; echo on; while :; do sleep 0.02; done",
                    job_id="saves", env=marker)
        self.wait_for_output(node, "saves", b"on\n")
        node.kill()
        self.gone(marker)
        node.start()
        result = node.result("saves")
        self.assertEqual(result["status"], "failed")
        self.assertEqual(result["stdout"], "on\nsaved\n")
        self.assertIn(result["reason"]["code"], ("worker_lost", "exit_nonzero"))
        check_history(node.events("saves"))

    def test_a_restart_while_a_shim_still_stops_its_job(self):
        """The new node is there before the old one's job has used up its grace."""
        node = self.start("--session.kill_grace_ms=1500")
        marker = new_marker()
        node.submit(command="trap '' TERM; echo on; while :; do sleep 0.02; done", job_id="late", env=marker)
        self.wait_for_output(node, "late", b"on\n")
        node.kill()
        node.start()
        result = node.result("late")
        self.assertEqual((result["status"], result["reason"]["code"]), ("failed", "worker_lost"))
        self.gone(marker)
        # What is told once does not change.
        time.sleep(0.2)
        self.assertEqual(node.result("late"), result)
        check_history(node.events("late"))
        self.assertEqual(output_of(node.events("late")), node.logs("late"))
        wait_until(lambda: [p.name for p in node.base.iterdir()] == [".trash"]
                   and not any((node.base / ".trash").iterdir()), "no directory left", 10)

    def test_kills_at_any_moment_lose_no_accepted_job(self):
        node = self.start("--worker.concurrency=2", *SEES_THE_MACHINE)
        marker = new_marker()
        accepted = {}
        for turn in range(6):
            begin = time.monotonic()
            while time.monotonic() < begin + 0.04 * (turn + 1):
                name = f"t{turn}-{len(accepted)}"
                node.submit(job_id=name, command='echo "$JOB_ID"; echo "$JOB_ID" >>"$MARK"',
                            env={"MARK": str(node.state_dir / "ran"), **marker})
                accepted[name] = True
            node.kill()
            node.start()
        statuses = {}
        for name in accepted:
            result = node.result(name)
            statuses[result["status"]] = statuses.get(result["status"], 0) + 1
            if result["status"] == "finished":
                self.assertEqual(result["stdout"], name + "\n")
            else:
                self.assertEqual(result["status"], "failed", result)
                self.assertIn(result["reason"]["code"], ("worker_lost", "launcher_lost", "signal"), result)
            check_history(node.events(name))
        ran = (node.state_dir / "ran").read_text().split()
        self.assertEqual(len(ran), len(set(ran)), "a job ran twice")
        self.assertGreater(statuses.get("finished", 0), 0, statuses)
        self.gone(marker)
        listed = node.get("/v1/jobs?limit=1000").json["jobs"]
        self.assertLessEqual(set(accepted), {job["job_id"] for job in listed})

    def test_secrets_of_a_waiting_job_survive_and_stay_secret(self):
        node = self.start("--worker.concurrency=1")
        secret = "hush-" + os.urandom(8).hex()
        node.submit(command="sleep 300", job_id="blocks")
        node.submit(command='test "$KEY" = "$(printf %s "$PLAIN" | base64 -d)" && echo same', job_id="waits",
                    secrets={"KEY": secret}, env={"PLAIN": base64.b64encode(secret.encode()).decode()})
        node.kill()
        for path in files_below(node.state_dir):
            self.assertNotIn(secret.encode(), path.read_bytes(), path)
        node.start()
        self.assertEqual(node.result("waits")["stdout"], "same\n")


class Losses(LifecycleTest):

    def shim_of(self, marker):
        """The shim that runs the job with this marker."""
        def find():
            for pid in processes_with(marker):
                while pid > 1 and name_of(pid) != "ocw-shim":
                    pid = parent_of(pid)
                if pid > 1:
                    return pid
            return None
        return wait_until(find, "a shim")

    def test_without_its_launcher_a_job_runs_on_and_new_ones_start(self):
        node = self.start("--worker.concurrency=4")
        job = node.submit(command="echo begun; read -r x; echo \"end $x\"", stdin=OPEN_INPUT)
        self.wait_for_output(node, job, b"begun\n")
        launcher = wait_until(node.launcher, "a launcher")
        os.kill(launcher, signal.SIGKILL)
        # More of them than there are idle shims.
        jobs = [node.submit(command=f"echo new-{i}; sleep 0.2") for i in range(8)]
        for i, new in enumerate(jobs):
            self.assertEqual(node.result(new)["stdout"], f"new-{i}\n")
        wait_until(lambda: node.launcher() not in (None, launcher), "another launcher")
        self.assertEqual(node.post(f"/v1/jobs/{job}/stdin?eof=1", b"well\n").status, 200)
        result = node.result(job)
        self.assertEqual((result["status"], result["stdout"]), ("finished", "begun\nend well\n"))
        wait_until(lambda: node.get("/ready").status == 200, "the node ready")

    def test_a_launcher_that_is_slow_is_asked_for_every_shim_in_the_end(self):
        """More at once than its socket holds."""
        node = self.start("--worker.concurrency=400", "--session.max_concurrent_sessions=400")
        marker = new_marker()
        launcher = wait_until(node.launcher, "a launcher")
        os.kill(launcher, signal.SIGSTOP)
        try:
            jobs = [node.submit(argv=["/bin/sleep", "300"], env=marker) for _ in range(350)]
        finally:
            os.kill(launcher, signal.SIGCONT)
        wait_until(lambda: len(processes_with(marker)) >= len(jobs), "all of them to run")
        self.assertEqual(node.stop(), 0)
        self.gone(marker, 20)

    def test_a_launcher_that_is_lost_again_and_again(self):
        node = self.start()
        for i in range(4):
            os.kill(wait_until(node.launcher, "a launcher"), signal.SIGKILL)
            self.assertEqual(node.run(command=f"echo {i}")["stdout"], f"{i}\n")
        zombies = [pid for pid in children_of(node.pid) if name_of(pid) == "ocw-launcher"]
        wait_until(lambda: len([p for p in children_of(node.pid) if name_of(p) == "ocw-launcher"]) == 1,
                   f"the dead launchers reaped: {zombies}", 10)

    def test_a_job_whose_shim_is_lost_ends_at_once_with_the_reason(self):
        node = self.start()
        marker = new_marker()
        job = node.submit(command="echo begun; (setsid sleep 300 &) ; sleep 300 & wait", env=marker)
        self.wait_for_output(node, job, b"begun\n")
        begin = time.monotonic()
        os.kill(self.shim_of(marker), signal.SIGKILL)
        result = node.result(job)
        self.assertLess(time.monotonic() - begin, 2)
        self.assertEqual((result["status"], result["reason"]["code"]), ("failed", "launcher_lost"))
        self.assertEqual(result["stdout"], "begun\n")
        self.assertEqual(result["output"]["stdout"]["bytes"], 6)
        check_history(node.events(job))
        self.assertEqual(output_of(node.events(job)), b"begun\n")
        self.assertEqual(node.run(command="echo next")["stdout"], "next\n")
        wait_until(lambda: [p.name for p in node.base.iterdir()] == [".trash"], "no directory left", 10)

    def test_nothing_of_a_job_outlives_its_lost_shim(self):
        node = self.start()
        marker = new_marker()
        job = node.submit(command="echo begun; (setsid sleep 300 &) ; sleep 300 & wait", env=marker)
        self.wait_for_output(node, job, b"begun\n")
        try:
            os.kill(self.shim_of(marker), signal.SIGKILL)
            node.result(job)
            self.gone(marker, 5)
        finally:
            for pid in processes_with(marker):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def test_a_job_given_to_a_shim_that_is_killed_before_it_began_runs_once(self):
        node = self.start("--worker.concurrency=4")
        node.run(command="true")
        shims = wait_until(lambda: [p for p in children_of(node.launcher()) if name_of(p) == "ocw-shim"],
                           "an idle shim")
        for pid in shims:
            os.kill(pid, signal.SIGSTOP)
        job = node.submit(command="echo ran", job_id="early")
        node.wait_for_phase(job, "EXECUTE")
        for pid in shims:
            os.kill(pid, signal.SIGKILL)
        result = node.result(job)
        self.assertEqual((result["status"], result["stdout"]), ("finished", "ran\n"), result)
        check_history(node.events(job))

    def test_a_shim_that_is_told_to_end_leaves_the_record_of_its_job(self):
        node = self.start()
        marker = new_marker()
        job = node.submit(command="trap 'echo bye; exit 3' TERM; echo on; while :; do sleep 0.02; done",
                          env=marker)
        self.wait_for_output(node, job, b"on\n")
        os.kill(self.shim_of(marker), signal.SIGTERM)
        result = node.result(job)
        self.assertEqual((result["status"], result["reason"]["code"]), ("failed", "worker_lost"))
        self.assertEqual((result["exit_code"], result["stdout"]), (3, "on\nbye\n"))

    def test_idle_shims_that_are_killed_harm_no_job(self):
        node = self.start("--worker.concurrency=4")
        jobs = [node.submit(command="sleep 0.1") for _ in range(4)]
        for job in jobs:
            node.result(job)
        shims = [pid for pid in children_of(node.launcher()) if name_of(pid) == "ocw-shim"]
        self.assertGreaterEqual(len(shims), 1)
        for pid in shims:
            os.kill(pid, signal.SIGKILL)
        for i in range(8):
            self.assertEqual(node.run(command=f"echo {i}")["stdout"], f"{i}\n")


class Busy(LifecycleTest):

    def test_health_is_answered_at_once_under_a_flood_and_stuck_subscribers(self):
        node = self.start("--worker.concurrency=8")
        marker = new_marker()
        clients = [node.websocket() for _ in range(50)]
        for client in clients:
            self.addCleanup(client.close)
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        jobs = [node.submit(command="timeout 6 yes 'a flood of output, line after line after line'",
                            env=marker,
                            limits={"max_output_size": 400 << 20}) for _ in range(8)]
        for client in clients:
            client.send({"type": "subscribe", "job_ids": jobs})
        times, submits = [], []
        wait_until(lambda: processes_with(marker), "the flood")
        while processes_with(marker) and len(times) < 200:
            begin = time.monotonic()
            self.assertEqual(node.get("/healthz", token=False).status, 200)
            times.append(time.monotonic() - begin)
            begin = time.monotonic()
            self.assertEqual(node.get(f"/v1/jobs/{jobs[0]}").status, 200)
            submits.append(time.monotonic() - begin)
        self.assertGreater(len(times), 10, "the flood was over too early")
        self.assertLess(statistics.median(times), 0.25, sorted(times)[-5:])
        self.assertLess(statistics.median(submits), 0.5, sorted(submits)[-5:])
        for job in jobs:
            result = node.result(job)
            self.assertIn(result["status"], ("failed",))
            self.assertIn(result["reason"]["code"], ("exit_nonzero", "output_limit"))
        if not is_sanitized():
            self.assertLess(node.rss_kb(), 200 << 10)


if __name__ == "__main__":
    unittest.main()
