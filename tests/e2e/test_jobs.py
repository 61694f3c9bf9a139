"""What a job does and how it ends."""

import os
import shutil
import tempfile
import time
import unittest

from harness import (Node, NodeTest, check_history, files_below, is_sanitized, output_of, processes_with, sha256,
                     wait_until)


class Ends(NodeTest):
    settings = ("--worker.concurrency=8", "--session.kill_grace_ms=300",
                "--governance.memory_overcommit=0", "--governance.cpu_overcommit=0")

    def test_a_finished_job_reports_everything(self):
        result = self.node.run(command="echo hi; echo oops >&2")
        self.assertEqual(result["status"], "finished")
        self.assertEqual(result["exit_code"], 0)
        self.assertEqual(result["stdout"], "hi\n")
        self.assertEqual(result["stderr"], "oops\n")
        self.assertIsNone(result["reason"])
        self.assertEqual(result["output"]["stdout"],
                         {"bytes": 3, "sha256": sha256(b"hi\n"), "truncated": False})
        self.assertEqual(result["isolation"]["tier"],
                         self.node.get("/v1/workers").json["workers"][0]["isolation_tier"])
        self.assertEqual(result["teardown"], {"killed": 0, "survivors": 0, "directory_removed": True})
        for name in ("duration_ms", "queue_ms", "prepare_ms", "execute_ms", "collect_ms",
                     "destroy_ms", "cpu_time_ms", "memory_peak_mb", "worker_id"):
            self.assertIn(name, result["metrics"])

    def test_exit_codes_and_signals(self):
        for command, code, reason in (("exit 7", 7, "exit_nonzero"),
                                      ("kill -9 $$", 137, "signal"),
                                      ("kill -TERM $$", 143, "signal"),
                                      ("nosuchcommand", 127, "exit_nonzero")):
            with self.subTest(command=command):
                result = self.node.run(command=command)
                self.assertEqual(result["status"], "failed")
                self.assertEqual(result["exit_code"], code)
                self.assertEqual(result["reason"]["code"], reason)

    def test_argv_is_run_without_a_shell(self):
        result = self.node.run(argv=["printf", "%s|", "a b", "$HOME", "*"])
        self.assertEqual(result["stdout"], "a b|$HOME|*|")

    def test_a_program_that_does_not_exist(self):
        for argv in (["no-such-program"], ["/no/such/program"], ["./missing"]):
            with self.subTest(argv=argv):
                result = self.node.run(argv=argv)
                self.assertEqual(result["status"], "failed")
                self.assertEqual(result["exit_code"], -1)
                self.assertEqual(result["reason"]["code"], "prepare_failed")

    def test_files_environment_and_directories(self):
        result = self.node.run(
            command='pwd; cat in/a.txt; ./run.sh; echo "$GREETING $JOB_ID"; test "$HOME" = "$PWD" && '
                    'echo home; ls -d "$OUTPUT_DIR" "$TMPDIR" >/dev/null && echo dirs',
            job_id="files.1", env={"GREETING": "hello"},
            files={"in/a.txt": "text\n",
                   "run.sh": {"content_base64": "IyEvYmluL3NoCmVjaG8gcmFuCg==", "mode": "0755"}})
        lines = result["stdout"].splitlines()
        self.assertRegex(lines[0], r"/session-[0-9a-f-]{36}/work$")
        self.assertEqual(lines[1:], ["text", "ran", "hello files.1", "home", "dirs"])

    def test_nothing_of_the_workers_environment_leaks_in(self):
        node = Node(env={**os.environ, "WORKER_SECRET": "hunter2hunter2"})
        self.addCleanup(node.close)
        self.assertNotIn("hunter2", node.run(command="env")["stdout"])

    def test_stdin(self):
        self.assertEqual(self.node.run(command="cat", stdin="line\n")["stdout"], "line\n")
        self.assertEqual(self.node.run(command="wc -c", stdin="x" * 300000)["stdout"].strip(), "300000")
        binary = self.node.run(command="od -An -tx1", stdin={"content_base64": "AP+A"})
        self.assertEqual(binary["stdout"].split(), ["00", "ff", "80"])
        self.assertEqual(self.node.run(command="cat", stdin="")["stdout"], "")

    def test_a_job_that_reads_input_nobody_sends_sees_the_end_of_it(self):
        self.assertEqual(self.node.run(command="cat; echo done")["stdout"], "done\n")

    def test_input_can_be_sent_while_it_runs(self):
        job = self.node.submit(command="cat", stdin={"content_base64": "", "open": True})
        self.node.wait_for_phase(job, "EXECUTE")
        self.assertEqual(self.node.post(f"/v1/jobs/{job}/stdin", b"one\n").status, 200)
        self.assertEqual(self.node.post(f"/v1/jobs/{job}/stdin?eof=1", b"two\n").status, 200)
        self.assertEqual(self.node.result(job)["stdout"], "one\ntwo\n")
        self.assertEqual(self.node.post(f"/v1/jobs/{job}/stdin", b"late").status, 409)

    def test_input_nobody_reads_is_refused_beyond_a_bound(self):
        job = self.node.submit(command="until [ -e go ]; do sleep 0.02; done; wc -c",
                               stdin={"content_base64": "", "open": True}, limits={"timeout": 60000})
        self.node.wait_for_phase(job, "EXECUTE")
        before = self.node.rss_kb()
        taken = 0
        for _ in range(100):
            reply = self.node.post(f"/v1/jobs/{job}/stdin", b"x" * 300_000)
            if reply.status != 200:
                break
            taken += 300_000
        self.assertEqual((reply.status, reply.json["code"]), (503, "unavailable"))
        self.assertTrue(reply.headers["Retry-After"])
        self.assertLess(taken, 4 << 20)
        with self.node.websocket() as client:
            client.until("connected")
            client.send({"type": "stdin", "job_id": job, "data": "y" * 300_000})
            self.assertIn("try again", client.until("error")[-1]["error"])
        for _ in range(200):
            self.assertEqual(self.node.post(f"/v1/jobs/{job}/stdin", b"z" * 1_000_000).status, 503)
        if not is_sanitized():
            self.assertLess(self.node.rss_kb() - before, 32 << 10)
        work = self.node.base / f"session-{self.node.state(job)['session_id']}" / "work"
        (work / "go").touch()
        reply = wait_until(lambda: (r := self.node.post(f"/v1/jobs/{job}/stdin?eof=1", b"end"))
                           .status == 200 and r, "room for the end")
        self.assertEqual(self.node.result(job)["stdout"].strip(), str(taken + 3))

    def test_one_large_piece_of_input_is_taken_whole(self):
        job = self.node.submit(command="sha256sum", stdin={"content_base64": "", "open": True})
        self.node.wait_for_phase(job, "EXECUTE")
        data = os.urandom(40 << 20)
        self.assertEqual(self.node.post(f"/v1/jobs/{job}/stdin?eof=1", data).status, 200)
        self.assertEqual(self.node.result(job)["stdout"].split()[0], sha256(data))

    def test_a_job_is_stopped_however_much_input_waits(self):
        job = self.node.submit(command="echo on; sleep 300",
                               stdin={"content_base64": "", "open": True})
        self.node.wait_for_phase(job, "EXECUTE")
        self.assertEqual(self.node.post(f"/v1/jobs/{job}/stdin", bytes(40 << 20)).status, 200)
        self.node.post(f"/v1/jobs/{job}/cancel")
        wait_until(lambda: self.node.state(job)["status"] == "cancelled", "the job cancelled", 10)

    def test_wall_timeout_keeps_the_partial_output(self):
        begin = time.monotonic()
        result = self.node.run(command="echo partial; sleep 60", limits={"timeout": 400})
        self.assertLess(time.monotonic() - begin, 20)
        self.assertEqual(result["status"], "timeout")
        self.assertEqual(result["reason"]["code"], "timeout")
        self.assertEqual(result["stdout"], "partial\n")
        # I6: within a second of the limit, and the grace after it.
        self.assertLess(result["metrics"]["execute_ms"], 400 + 300 + 1000)

    def test_idle_timeout(self):
        result = self.node.run(command="echo x; sleep 60", limits={"idle_timeout": 300})
        self.assertEqual((result["status"], result["reason"]["code"]), ("timeout", "idle_timeout"))

    def test_a_job_that_ignores_term_is_killed(self):
        result = self.node.run(command="trap '' TERM; echo on; while :; do sleep 0.05; done",
                               limits={"timeout": 300})
        self.assertEqual(result["status"], "timeout")
        self.assertEqual(result["exit_code"], 137)

    def test_output_is_cut_at_the_exact_byte(self):
        job = self.node.submit(command="head -c 1000000 /dev/zero | tr '\\0' x; echo never",
                               limits={"max_output_size": 12345})
        result = self.node.result(job)
        self.assertEqual((result["status"], result["reason"]["code"]), ("failed", "output_limit"))
        self.assertEqual(result["output"]["stdout"]["bytes"], 12345)
        self.assertTrue(result["output"]["stdout"]["truncated"])
        self.assertEqual(self.node.logs(job), b"x" * 12345)
        events = self.node.events(job)
        check_history(events)
        cut = [e for e in events if e["data"].get("truncated") and e["type"] == "job_output"]
        self.assertEqual([e["data"]["offset"] for e in cut], [12345])

    def test_children_do_not_outlive_their_job(self):
        marker = f"OCW_MARK={os.getpid()}-{time.monotonic_ns()}"
        name, value = marker.split("=")
        result = self.node.run(
            command="sleep 300 & setsid sleep 300 & (setsid sh -c 'sleep 300 & sleep 300' &) ; echo started",
            env={name: value})
        self.assertEqual(result["status"], "finished")
        self.assertGreaterEqual(result["teardown"]["killed"], 3)
        self.assertEqual(result["teardown"]["survivors"], 0)
        self.assertEqual(processes_with(marker), [])

    def test_nothing_is_left_five_seconds_after_the_end(self):
        job = self.node.submit(command="mkdir -p a/b; touch a/b/c \"$TMPDIR/t\"; chmod 000 a")
        session = self.node.result(job)["session_id"]
        wait_until(lambda: not (self.node.base / f"session-{session}").exists(), "the directory gone", 5)
        wait_until(lambda: not any((self.node.base / ".trash").iterdir()), "the trash empty", 5)

    def test_cancel_while_it_runs(self):
        job = self.node.submit(command="echo begun; sleep 60")
        wait_until(lambda: self.node.logs(job) == b"begun\n", "output")
        reply = self.node.post(f"/v1/jobs/{job}/cancel", {"reason": "changed my mind"})
        self.assertEqual(reply.status, 200)
        result = self.node.result(job)
        self.assertEqual((result["status"], result["reason"]["code"]), ("cancelled", "cancelled"))
        self.assertIn("changed my mind", result["reason"]["message"])
        self.assertEqual(result["stdout"], "begun\n")
        self.assertEqual(self.node.post(f"/v1/jobs/{job}/cancel").status, 200)

    def test_cancel_at_any_moment_ends_the_job_once(self):
        for delay_ms in range(0, 40, 2):
            job = self.node.submit(command="exec sleep 60", files={"f": "x"})
            time.sleep(delay_ms / 1000)
            self.node.post(f"/v1/jobs/{job}/cancel")
            events = self.node.events(job)
            check_history(events)
            self.assertEqual(self.node.state(job)["status"], "cancelled")

    def test_artifacts(self):
        job = self.node.submit(
            command='mkdir -p "$OUTPUT_DIR/d"; echo one >"$OUTPUT_DIR/d/one.txt"; echo two >two.log; '
                    'echo three >three.txt; ln -s /etc/passwd "$OUTPUT_DIR/link"; mkfifo "$OUTPUT_DIR/fifo"',
            artifacts=["*.log"])
        result = self.node.result(job)
        self.assertEqual(result["artifacts"], ["d/one.txt", "two.log"])
        listed = self.node.get(f"/v1/jobs/{job}/artifacts").json["artifacts"]
        self.assertEqual([(a["path"], a["size"]) for a in listed], [("d/one.txt", 4), ("two.log", 4)])
        self.assertEqual(listed[0]["sha256"], sha256(b"one\n"))
        self.assertEqual(self.node.get(f"/v1/jobs/{job}/artifacts/d/one.txt").body, b"one\n")
        for path in ("link", "fifo", "../../token", "..%2f..%2ftoken", "three.txt"):
            self.assertIn(self.node.get(f"/v1/jobs/{job}/artifacts/{path}").status, (400, 404), path)

    def test_secrets_reach_the_job_and_nothing_else(self):
        secret = "s3cret-" + os.urandom(8).hex()
        job = self.node.submit(command='echo "it is $API_KEY."; printf "%s" "$API_KEY" | head -c 5; '
                                       'printf "%s" "$API_KEY" | tail -c +6; test ${#API_KEY} = 23 && echo; '
                                       'echo ok',
                               secrets={"API_KEY": secret}, limits={"timeout": 20000})
        result = self.node.result(job)
        self.assertIn("it is ***.", result["stdout"])
        self.assertIn("ok", result["stdout"])
        self.assertEqual(output_of(self.node.events(job)), result["stdout"].encode())
        for path in files_below(self.node.state_dir):
            self.assertNotIn(secret.encode(), path.read_bytes(), str(path))
        for path in (f"/v1/jobs/{job}", f"/v1/jobs/{job}/output", f"/v1/jobs/{job}/why", "/v1/jobs"):
            self.assertNotIn(secret.encode(), self.node.get(path).body)

    def test_a_secret_is_in_no_argv(self):
        secret = "s3cret-" + os.urandom(8).hex()
        job = self.node.submit(command="sleep 30", secrets={"API_KEY": secret})
        self.node.wait_for_phase(job, "EXECUTE")
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    with open(f"/proc/{entry}/cmdline", "rb") as line:
                        self.assertNotIn(secret.encode(), line.read())
                except OSError:
                    pass
        self.node.post(f"/v1/jobs/{job}/cancel")
        self.node.result(job)

    def test_binary_and_split_characters(self):
        # 'ä' arrives in two writes; a chunk never ends in the middle of it.
        job = self.node.submit(command=r"printf 'a\303'; sleep 0.3; printf '\244b\n'; printf '\377\000\n'")
        events = self.node.events(job)
        check_history(events)
        self.assertEqual(output_of(events), "aäb\n".encode() + b"\xff\x00\n")
        texts = [e["data"] for e in events if e["type"] == "job_output"]
        self.assertTrue(all("\ufffd" not in t["chunk"] for t in texts))
        self.assertEqual(self.node.logs(job), "aäb\n".encode() + b"\xff\x00\n")

    def test_one_hundred_megabytes_are_exact(self):
        size = 100 << 20
        job = self.node.submit(command=f"head -c {size} /dev/urandom | tee \"$OUTPUT_DIR/copy\"",
                               limits={"max_output_size": size + 1})
        result = self.node.result(job)
        self.assertEqual(result["status"], "finished")
        self.assertEqual(result["output"]["stdout"]["bytes"], size)
        digest = sha256(self.node.logs(job))
        self.assertEqual(digest, result["output"]["stdout"]["sha256"])
        listed = self.node.get(f"/v1/jobs/{job}/artifacts").json["artifacts"]
        self.assertEqual(digest, listed[0]["sha256"])

    def test_sixty_four_jobs_at_once(self):
        jobs = [self.node.submit(command=f"echo job-{i}; sleep 0.1; echo end-{i} >&2") for i in range(64)]
        for i, job in enumerate(jobs):
            result = self.node.result(job)
            self.assertEqual((result["stdout"], result["stderr"]), (f"job-{i}\n", f"end-{i}\n"))
            check_history(self.node.events(job))


@unittest.skipUnless(os.access("/dev/shm", os.W_OK), "there is no directory in memory")
class EndsInMemory(Ends):
    """The same where sessions lie in memory: there short steps take another way."""

    @classmethod
    def setUpClass(cls):
        directory = tempfile.mkdtemp(prefix="ocw-e2e-", dir="/dev/shm")
        cls.addClassCleanup(shutil.rmtree, directory, ignore_errors=True)
        cls.node = Node(*cls.settings, state_dir=directory)
        cls.addClassCleanup(cls.node.close)

    def test_whatever_lies_in_the_output_directory_is_looked_at(self):
        result = self.node.run(command='mkdir -p "$OUTPUT_DIR/a/b"; ln -s / "$OUTPUT_DIR/root"')
        self.assertEqual(result["artifacts"], [])
        job = self.node.submit(command='echo x >"$OUTPUT_DIR/.hidden"')
        self.assertEqual(self.node.result(job)["artifacts"], [".hidden"])
        # Not every tier lets a job take it away.
        result = self.node.run(command='rmdir "$OUTPUT_DIR" 2>/dev/null; true')
        self.assertEqual((result["status"], result["artifacts"]), ("finished", []))


if __name__ == "__main__":
    unittest.main()
