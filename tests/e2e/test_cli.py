"""The command line, as people and scripts use it."""

import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time
import unittest

from harness import (BINARY, DEADLINE_S, NodeTest, clean_environment, new_marker, processes_with, run_binary,
                     wait_until)

SETTINGS = ("--worker.concurrency=4", "--session.kill_grace_ms=300", "--governance.memory_overcommit=0",
            "--governance.cpu_overcommit=0")


class CliTest(NodeTest):
    settings = SETTINGS

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="ocw-e2e-"))
        self.addCleanup(shutil.rmtree, self.directory, True)
        self.env = clean_environment(OPENCODE_WORKER_URL=self.node.url, OPENCODE_WORKER_TOKEN=self.node.token)

    def cli(self, *words, input=b"", code=0, env=None):
        ended = run_binary(*words, input=input, env={**self.env, **(env or {})}, cwd=self.directory)
        if code is not None:
            self.assertEqual(ended.returncode, code, ended.stderr.decode(errors="replace"))
        return ended

    def popen(self, *words, **more):
        process = subprocess.Popen([BINARY, *words], env=self.env, cwd=self.directory,
                                   **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
                                      "stdin": subprocess.DEVNULL, **more})
        self.addCleanup(self.put_away, process)
        return process

    @staticmethod
    def put_away(process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def file(self, name, content):
        path = self.directory / name
        path.write_bytes(content)
        return path


class Run(CliTest):

    def test_the_words_behind_the_dashes_run_as_they_are(self):
        ended = self.cli("run", "--", "printf", "%s|", "a b", "$HOME", "--json", "*", "")
        self.assertEqual((ended.stdout, ended.stderr), (b"a b|$HOME|--json|*||", b""))
        ended = self.cli("run", "--command=echo $A | tr a-z A-Z; echo err >&2", "--env", "A=hello")
        self.assertEqual((ended.stdout, ended.stderr), (b"HELLO\n", b"err\n"))

    def test_it_ends_as_the_job_ended(self):
        for words, code in ((("--", "true"), 0), (("--", "sh", "-c", "exit 7"), 7), (("--", "false"), 1),
                            (("--command=exit 255",), 255), (("--command=kill -9 $$",), 137),
                            (("--command=kill -TERM $$",), 143), (("--command=no-such-command",), 127),
                            (("--limits.timeout=200", "--", "sleep", "60"), 124),
                            (("--limits.timeout=0.2s", "--", "sleep", "60"), 124),
                            (("--limits.idle_timeout=200ms", "--", "sleep", "60"), 124),
                            (("--", "no-such-program"), 125), (("--", "/no/such/program"), 125),
                            (("--require=steel", "--", "true"), 125)):
            with self.subTest(words=words):
                self.cli("run", *words, code=code)

    def test_what_the_exit_code_cannot_say_is_said(self):
        ended = self.cli("run", "--limits.timeout=200", "--command=echo partial; sleep 60", code=124)
        self.assertEqual(ended.stdout, b"partial\n")
        self.assertIn(b"limits.timeout", ended.stderr)
        ended = self.cli("run", "--limits.max_output_size=10", "--command=printf 0123456789abc; sleep 9",
                         code=None)
        self.assertNotEqual(ended.returncode, 0)
        self.assertEqual(ended.stdout, b"0123456789")
        self.assertIn(b"limits.max_output_size", ended.stderr)
        self.assertEqual(self.cli("run", "--command=echo mine >&2; exit 3", code=3).stderr, b"mine\n")

    def test_output_is_byte_exact(self):
        data = os.urandom(300_000) + b"\0\xff\r\n\xc3" + "äö€".encode()
        self.file("data", data)
        ended = self.cli("run", "--file=in/data=data", "--command=cat in/data; tail -c 1000 in/data >&2")
        self.assertEqual((ended.stdout, ended.stderr), (data, data[-1000:]))

    def test_twenty_megabytes_in_and_out(self):
        data = os.urandom(20 << 20)
        ended = self.cli("run", "--limits.max_output_size=32MB", "--", "cat", input=data)
        self.assertEqual(len(ended.stdout), len(data))
        self.assertEqual(ended.stdout, data)

    def test_input_is_passed_as_it_comes(self):
        process = self.popen("run", "--command=while read -r x; do echo \"got $x\"; done; echo end",
                             stdin=subprocess.PIPE)
        for word in (b"one", b"two"):
            process.stdin.write(word + b"\n")
            process.stdin.flush()
            self.assertEqual(process.stdout.readline(), b"got " + word + b"\n")
        process.stdin.close()
        process.stdin = None
        self.assertEqual(process.communicate(timeout=DEADLINE_S), (b"end\n", b""))
        self.assertEqual(process.returncode, 0)
        self.assertEqual(self.cli("run", "--", "cat", input=b"").stdout, b"")
        # A job that does not read is not held up by input, nor the other way round.
        self.assertEqual(self.cli("run", "--", "echo", "hi", input=b"x" * 1_000_000).stdout, b"hi\n")
        self.assertEqual(self.cli("run", "--stdin=-", "--", "wc", "-c", input=b"12345").stdout.strip(), b"5")
        self.file("input", b"from a file")
        self.assertEqual(self.cli("run", "--stdin=@input", "--", "cat").stdout, b"from a file")

    def test_an_interrupt_cancels_the_job(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signal=number.name):
                marker = new_marker()
                name, value = next(iter(marker.items()))
                process = self.popen("run", f"--env={name}={value}", "--job_id", f"signal-{number.name}",
                                     "--command=trap 'echo tidy; exit 9' TERM; echo on; "
                                     "while :; do sleep 0.02; done")
                self.assertEqual(process.stdout.readline(), b"on\n")
                process.send_signal(number)
                out, err = process.communicate(timeout=DEADLINE_S)
                self.assertEqual((process.returncode, out), (130, b"tidy\n"), err)
                self.assertIn(b"cancelled", err)
                self.assertEqual(self.node.state(f"signal-{number.name}")["status"], "cancelled")
                self.assertEqual(processes_with(marker), [])

    def test_a_reader_that_leaves_ends_the_job(self):
        process = self.popen("run", "--job_id=piped", "--limits.max_output_size=1GB", "--", "yes")
        process.stdout.readline()
        process.stdout.close()
        process.stdout = None
        process.wait(DEADLINE_S)
        self.assertNotEqual(process.returncode, 0)
        self.assertEqual(self.node.wait_for("piped", "cancelled", "failed")["status"], "cancelled")

    def test_what_the_job_leaves_can_be_saved(self):
        ended = self.cli("run", "--artifacts=*.log", "--artifacts-to=out",
                         "--command=mkdir \"$OUTPUT_DIR/d\"; echo 1 >\"$OUTPUT_DIR/d/one\"; "
                         "echo 2 >two.log; echo 3 >not")
        self.assertEqual(ended.stdout, b"")
        out = self.directory / "out"
        found = {str(p.relative_to(out)): p.read_text() for p in out.rglob("*") if p.is_file()}
        self.assertEqual(found, {"d/one": "1\n", "two.log": "2\n"})

    def test_the_result_as_json(self):
        ended = self.cli("run", "--json", "--label=owner=me", '--metadata={"n":1}', "--priority=70",
                         "--command=echo out; exit 4", code=4)
        result = json.loads(ended.stdout)
        self.assertEqual((result["stdout"], result["exit_code"], result["labels"], result["metadata"]),
                         ("out\n", 4, {"owner": "me"}, {"n": 1}))

    def test_a_whole_request_from_a_file_with_flags_on_top(self):
        self.file("job.json", json.dumps({"command": "echo $A $B", "env": {"A": "1", "B": "2"}}).encode())
        self.assertEqual(self.cli("run", "--request=job.json", "--env", "B=3").stdout, b"1 3\n")
        self.assertEqual(self.cli("run", "--request=-", input=b'{"argv":["echo","hi"]}').stdout, b"hi\n")
        ended = self.cli("run", "--request=job.json", "--", "true", code=2)
        self.assertIn(b"one or the other", ended.stderr)

    def test_secrets_come_from_files_only(self):
        self.file("key", b"s3cret-value-1\n")
        ended = self.cli("run", "--secret=KEY=@key",
                         "--command=echo \"it is $KEY.\"; test ${#KEY} = 14 && echo whole")
        self.assertEqual(ended.stdout, b"it is ***.\nwhole\n")
        for words in (("--secret=KEY=s3cret-literal",), ("--secret", "KEY"), ("--secret==@key",)):
            ended = self.cli("run", *words, "--", "true", code=2)
            self.assertNotIn(b"s3cret-literal", ended.stdout + ended.stderr)
            self.assertIn(b"@FILE", ended.stderr)
        self.assertIn(b"missing", self.cli("run", "--secret=KEY=@missing", "--", "true", code=2).stderr)

    def test_a_node_that_is_not_there_or_does_not_know_us(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        env = {"OPENCODE_WORKER_URL": f"http://127.0.0.1:{port}"}
        ended = self.cli("run", "--", "true", env=env, code=125)
        self.assertIn(str(port).encode(), ended.stderr)
        self.assertEqual(self.cli("ls", env=env, code=125).stdout, b"")
        ended = self.cli("run", "--", "true", env={"OPENCODE_WORKER_TOKEN": "x" * 32}, code=125)
        self.assertIn(b"token", ended.stderr)
        self.cli("ls", "--url=ftp://x", code=2)
        self.cli("ls", "--url=http://user:pass@127.0.0.1:1", code=2)

    def test_the_token_is_found_in_the_state_directory(self):
        env = clean_environment()
        for words in ((f"--api.port={self.node.port}", f"--state_dir={self.node.state_dir}"),
                      ("--api.port=0", f"--state_dir={self.node.state_dir}"),
                      (f"--url={self.node.url}", "--token-file", str(self.node.state_dir / "token"))):
            with self.subTest(words=words):
                ended = run_binary("run", *words, "--", "echo", "hi", env=env, cwd=self.directory)
                self.assertEqual((ended.returncode, ended.stdout), (0, b"hi\n"), ended.stderr)
                self.assertEqual(run_binary("ls", *words, env=env, cwd=self.directory).returncode, 0)


class Embedded(CliTest):

    def setUp(self):
        super().setUp()
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        for name in ("home", "tmp", "state"):
            (self.directory / name).mkdir(mode=0o700)
        self.env = clean_environment(HOME=str(self.directory / "home"), TMPDIR=str(self.directory / "tmp"),
                                     XDG_STATE_HOME=str(self.directory / "state"),
                                     OPENCODE_WORKER_API_PORT=str(port),
                                     OPENCODE_WORKER_SESSION_BASE_DIR=str(self.directory / "sessions"))

    def left(self):
        """What is left of a run, besides the empty directories of sessions."""
        found = [str(p.relative_to(self.directory)) for p in self.directory.rglob("*")
                 if p.is_file() or p.name.startswith(("session-", "opencode-worker-"))]
        return found + [str(p) for p in (self.directory / "sessions" / ".trash").glob("*")]

    def test_without_a_node_the_job_runs_all_the_same(self):
        data = os.urandom(100_000)
        marker = new_marker()
        name, value = next(iter(marker.items()))
        ended = self.cli("run", f"--env={name}={value}", "--security.require_command_validation=false",
                         "--command=cat; echo err >&2; (setsid sleep 300 &) ; exit 5",
                         input=data, code=5)
        self.assertEqual((ended.stdout, ended.stderr), (data, b"err\n"))
        self.assertEqual(processes_with(marker), [])
        self.assertEqual(self.left(), [])

    def test_signals_and_limits_work_there_too(self):
        self.cli("run", "--limits.timeout=200", "--", "sleep", "60", code=124)
        process = self.popen("run", "--command=echo on; sleep 300")
        self.assertEqual(process.stdout.readline(), b"on\n")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=DEADLINE_S)
        self.assertEqual(process.returncode, 130)
        self.assertEqual(self.left(), [])

    def test_many_at_once_do_not_meet(self):
        processes = [self.popen("run", "--", "echo", str(i)) for i in range(5)]
        self.assertEqual([p.communicate(timeout=DEADLINE_S)[0] for p in processes],
                         [f"{i}\n".encode() for i in range(5)])
        self.assertEqual({p.returncode for p in processes}, {0})

    def test_artifacts_are_saved_before_the_node_is_gone(self):
        self.cli("run", "--artifacts-to=out", "--command=echo kept >\"$OUTPUT_DIR/f\"")
        self.assertEqual((self.directory / "out" / "f").read_text(), "kept\n")

    def test_a_kill_leaves_no_process(self):
        marker = new_marker()
        name, value = next(iter(marker.items()))
        process = self.popen("run", f"--env={name}={value}", "--command=echo on; sleep 300")
        self.assertEqual(process.stdout.readline(), b"on\n")
        process.kill()
        wait_until(lambda: not processes_with(marker), "its processes gone", 10)

    def test_a_second_interrupt_kills_the_job_and_still_tidies_up(self):
        self.env["OPENCODE_WORKER_SESSION_KILL_GRACE_MS"] = "60000"
        marker = new_marker()
        name, value = next(iter(marker.items()))
        process = self.popen("run", f"--env={name}={value}",
                             "--command=trap 'echo no' TERM; echo on; while :; do sleep 0.02; done")
        self.assertEqual(process.stdout.readline(), b"on\n")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.stdout.readline(), b"no\n")
        begin = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=DEADLINE_S)
        self.assertLess(time.monotonic() - begin, 20)
        self.assertEqual(process.returncode, 130)
        self.assertEqual(processes_with(marker), [])
        self.assertEqual(self.left(), [])

    def test_who_reads_the_output_does_not_wait_for_what_outlives_the_run(self):
        self.env["OPENCODE_WORKER_SESSION_KILL_GRACE_MS"] = "20000"
        marker = new_marker()
        name, value = next(iter(marker.items()))
        process = self.popen("run", f"--env={name}={value}", stderr=subprocess.STDOUT,
                             *["--command=trap '' TERM; echo on; while :; do sleep 0.02; done"])
        self.addCleanup(lambda: [os.kill(pid, signal.SIGKILL) for pid in processes_with(marker)])
        self.assertEqual(process.stdout.readline(), b"on\n")
        process.kill()
        process.stdout.read()
        self.assertNotEqual(processes_with(marker), [], "the end came only with the job's")

    def test_other_commands_need_a_node(self):
        for words in (("ls",), ("status", "x"), ("submit", "--", "true"), ("logs", "x"), ("cancel", "x")):
            with self.subTest(words=words):
                ended = self.cli(*words, code=125)
                self.assertEqual(ended.stdout, b"")
                self.assertIn(b"127.0.0.1", ended.stderr)


class Commands(CliTest):

    def test_submit_then_all_that_can_be_asked(self):
        job = self.cli("submit", "--label=set=cli", "--artifacts=*.txt",
                       "--command=echo out; echo err >&2; echo art >a.txt; exit 3").stdout.decode().strip()
        self.assertRegex(job, r"^[0-9a-f-]{36}$")
        ended = self.cli("output", "--wait=30", job)
        self.assertEqual((ended.stdout, ended.stderr), (b"out\n", b"err\n"))
        for words in (("logs", job), ("logs", "-f", job), ("logs", "--follow", job)):
            ended = self.cli(*words)
            self.assertEqual((ended.stdout, ended.stderr), (b"out\n", b"err\n"), words)
        self.assertEqual(self.cli("logs", "--stream=stderr", job).stdout, b"err\n")
        shown = self.cli("status", job).stdout.decode()
        self.assertRegex(shown, r"(?m)^status +failed$")
        self.assertRegex(shown, r"(?m)^reason .*exit_nonzero")
        self.assertIn("set=cli", shown)
        listed = self.cli("ls", "--label=set=cli").stdout.decode().splitlines()
        self.assertEqual(listed[0].split()[:3], ["JOB", "ID", "STATUS"])
        self.assertEqual(listed[1].split()[:2], [job, "failed"])
        self.assertIn("code 3", self.cli("why", job).stdout.decode())
        self.assertRegex(self.cli("artifacts", job).stdout.decode(), r"(?m)^a\.txt +4 B +[0-9a-f]{64}$")
        self.assertEqual(self.cli("artifacts", job, "a.txt").stdout, b"art\n")
        self.cli("artifacts", job, "--to=saved")
        self.assertEqual((self.directory / "saved" / "a.txt").read_text(), "art\n")
        self.cli("artifacts", job, "--tar=all.tar")
        with tarfile.open(self.directory / "all.tar") as tar:
            self.assertEqual(tar.getnames(), ["a.txt"])
        self.assertIn("failed", self.cli("cancel", job).stdout.decode())

    def test_every_command_speaks_json(self):
        job = json.loads(self.cli("submit", "--json", "--wait=30",
                                  "--command=echo x >\"$OUTPUT_DIR/f\"").stdout)["job_id"]
        for words, name in ((("status", job), "status"), (("output", job), "exit_code"), (("ls",), "jobs"),
                            (("why", job), "chain"), (("artifacts", job), "artifacts"),
                            (("cancel", job), "status"),
                            (("config",), "values"), (("version",), "version"),
                            (("completions", "bash"), "script")):
            with self.subTest(words=words):
                self.assertIn(name, json.loads(self.cli(*words, "--json").stdout))

    def test_errors_are_json_for_programs(self):
        ended = self.cli("status", "--json", "none-such", code=1)
        self.assertEqual(ended.stdout, b"")
        told = json.loads(ended.stderr)
        self.assertEqual(told["code"], "not_found")
        self.assertEqual(told["details"]["reason"], told["error"])
        ended = self.cli("submit", "--json", "--command", "true", "--limits.memory=999999GB", code=1)
        self.assertEqual(json.loads(ended.stderr)["details"]["field"], "limits.memory")

    def test_logs_follow_a_job_as_it_runs(self):
        job = self.node.submit(command="echo one; read -r x; echo two; echo three >&2",
                               stdin={"content_base64": "", "open": True})
        process = self.popen("logs", "-f", job)
        self.assertEqual(process.stdout.readline(), b"one\n")
        self.assertEqual(self.cli("logs", job).stdout, b"one\n")
        self.assertIsNone(process.poll())
        self.node.post(f"/v1/jobs/{job}/stdin?eof=1", b"x\n")
        self.assertEqual(process.communicate(timeout=DEADLINE_S), (b"two\n", b"three\n"))
        self.assertEqual(process.returncode, 0)

    def test_cancel_with_a_reason(self):
        job = self.node.submit(command="echo on; sleep 300")
        wait_until(lambda: self.node.logs(job) == b"on\n", "output")
        self.assertIn(b"cancel", self.cli("cancel", job, "--reason=not needed").stdout)
        self.assertIn("not needed", self.node.result(job)["reason"]["message"])

    def test_submit_is_idempotent_by_id(self):
        for _ in range(2):
            self.assertEqual(self.cli("submit", "--job_id=cli-1", "--", "true").stdout, b"cli-1\n")
        self.assertIn(b"job_id", self.cli("submit", "--job_id=cli-1", "--", "false", code=1).stderr)

    def test_pages_of_a_list(self):
        for i in range(3):
            self.cli("submit", f"--job_id=page-{i}", "--label=set=pages", "--", "true")
        first = self.cli("ls", "--label=set=pages", "--limit=2")
        cursor = re.search(rb"--cursor=(\S+)", first.stderr)[1].decode()
        second = self.cli("ls", "--label=set=pages", "--limit=2", f"--cursor={cursor}")
        ids = re.findall(r"page-\d", (first.stdout + second.stdout).decode())
        self.assertEqual(ids, ["page-2", "page-1", "page-0"])
        self.assertEqual(second.stderr, b"")

    def test_jobs_that_are_not_there(self):
        for words in (("status", "nothing"), ("output", "nothing"), ("logs", "nothing"),
                      ("logs", "-f", "nothing"),
                      ("cancel", "nothing"), ("why", "nothing"), ("artifacts", "nothing"),
                      ("logs", "--stream=stdout", "nothing"), ("artifacts", "nothing", "f"),
                      ("artifacts", "nothing", "--to=x")):
            with self.subTest(words=words):
                ended = self.cli(*words, code=1)
                self.assertEqual(ended.stdout, b"")
                self.assertRegex(ended.stderr.decode(), r"^opencode-worker: .+\n$")
        self.cli("status", "../workers", code=2)

    def test_control_characters_of_a_job_do_not_reach_the_terminal(self):
        request = {"command": ": >\"$OUTPUT_DIR/$(printf 'a\\033[31mb')\"; exit 1"}
        told = self.cli("submit", "--wait=30", "--request=-", input=json.dumps(request).encode()).stdout
        job = told.split()[0].decode()
        for words in (("artifacts", job), ("status", job), ("why", job), ("ls",)):
            self.assertNotIn(b"\x1b", self.cli(*words).stdout)


class Words(CliTest):

    def test_flags_that_are_none_are_named_with_the_nearest_one(self):
        for words, wrong, nearest in ((("run", "--limits.memroy=1GB", "--", "true"), "--limits.memroy",
                                       "--limits.memory"),
                                      (("ls", "--stauts=failed"), "--stauts", "--status"),
                                      (("serve", "--api.prot=1"), "--api.prot", "--api.port"),
                                      (("submti", "--", "true"), "submti", "submit"),
                                      (("--jsno", "ls"), "--jsno", None),
                                      (("status",), "ID", None), (("run", "true"), "true", "--"),
                                      (("ls", "--", "x"), "--", None), ((), "command", None),
                                      (("ls", "--limit=0"), "limit", None),
                                      (("ls", "--status=done"), "done", None),
                                      (("logs", "--stream=both", "x"), "both", None),
                                      (("run", "--env=A", "--", "true"), "A", None),
                                      (("run", "--priority=x", "--", "true"), "priority", None),
                                      (("run", "--priority=500", "--", "true"), "priority", None),
                                      (("run", "--limits.timeout=soon", "--", "true"), "limits.timeout",
                                       None),
                                      (("run", "--file=a", "--", "true"), "a", None),
                                      (("run", "--file=../a=x", "--", "true"), "x", None),
                                      (("run", "--job_id=a b", "--", "true"), "job_id", None),
                                      (("run",), "command", None)):
            with self.subTest(words=words):
                ended = self.cli(*words, code=2)
                self.assertEqual(ended.stdout, b"")
                said = ended.stderr.decode()
                self.assertIn(wrong, said)
                self.assertIn(nearest or "", said)
                self.assertNotIn("terminate", said)

    def test_a_limit_over_the_nodes_is_an_error_of_usage(self):
        ended = self.cli("run", "--limits.memory=64GB", "--", "true", code=2)
        self.assertIn(b"governance.max_memory_mb", ended.stderr)

    def test_help_has_examples(self):
        for words in ((), ("run",), ("submit",), ("logs",), ("serve",), ("ls",), ("artifacts",)):
            shown = self.cli(*words, "--help").stdout.decode()
            self.assertIn("Examples:", shown)
            self.assertIn("  opencode-worker ", shown)
        self.assertIn("--limits.memory", self.cli("run", "--help").stdout.decode())

    def test_completions_are_scripts(self):
        script = self.cli("completions", "bash").stdout
        checked = subprocess.run(["bash", "-n"], input=script, capture_output=True, check=False)
        self.assertEqual((checked.returncode, checked.stderr), (0, b""))
        tried = subprocess.run(["bash", "-c",
                                script.decode() + "\nCOMP_WORDS=(opencode-worker sub); COMP_CWORD=1; "
                                "_opencode_worker; echo ${COMPREPLY[@]}"], capture_output=True, check=False)
        self.assertEqual(tried.stdout, b"submit\n", tried.stderr)
        self.cli("completions", "cmd", code=2)

    def test_completions_of_zsh_are_a_script(self):
        self.check_syntax("zsh")

    def test_completions_of_fish_are_a_script(self):
        script = self.check_syntax("fish")
        tried = subprocess.run(["fish", "-N", "-c", script + "\ncomplete -C 'opencode-worker sub'"],
                               capture_output=True, check=False, env={**self.env, "HOME": str(self.directory)})
        self.assertEqual(tried.stdout.split()[:1], [b"submit"], tried.stderr)

    def check_syntax(self, shell):
        script = self.cli("completions", shell).stdout
        self.assertIn(b"opencode-worker", script)
        if not shutil.which(shell):
            self.skipTest(f"{shell} is not installed")
        path = self.file(f"script.{shell}", script)
        checked = subprocess.run([shell, "-n", path], capture_output=True, check=False)
        self.assertEqual((checked.returncode, checked.stderr), (0, b""))
        return script.decode()

    def on_terminal(self, *words, **env):
        """What a command shows on a terminal."""
        ours, theirs = pty.openpty()
        try:
            process = subprocess.Popen([BINARY, *words], env={**self.env, "TERM": "xterm", **env},
                                       stdout=theirs,
                                       stderr=theirs, stdin=subprocess.DEVNULL, cwd=self.directory)
        finally:
            os.close(theirs)
        shown, end = b"", time.monotonic() + DEADLINE_S
        try:
            while time.monotonic() < end and select.select([ours], [], [], 1)[0] or process.poll() is None:
                shown += os.read(ours, 65536)
        except OSError:
            pass
        finally:
            os.close(ours)
        self.assertEqual(process.wait(DEADLINE_S), 0)
        return shown

    def test_colours_are_for_terminals_that_want_them(self):
        self.cli("submit", "--", "true")
        self.assertIn(b"\x1b[", self.on_terminal("ls"))
        self.assertNotIn(b"\x1b[", self.on_terminal("ls", NO_COLOR="1"))
        self.assertNotIn(b"\x1b[", self.cli("ls").stdout)
        shown = self.on_terminal("run", "--", "printf", "plain\\n")
        self.assertEqual(shown.replace(b"\r", b""), b"plain\n")


if __name__ == "__main__":
    unittest.main()
