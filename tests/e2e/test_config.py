"""Settings: where they come from, what is refused, what a start leaves behind."""

import http.client
import json
import pathlib
import re
import shutil
import signal
import ssl
import stat
import subprocess
import tempfile
import unittest

from harness import DEADLINE_S, Node, clean_environment, run_binary, wait_until


def variable_of(key):
    return "OPENCODE_WORKER_" + key.replace(".", "_").upper()


class ConfigTest(unittest.TestCase):

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="ocw-e2e-"))
        self.addCleanup(shutil.rmtree, self.directory, True)

    def file(self, content, name="settings.json"):
        path = self.directory / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def config(self, *words, env=None):
        ended = run_binary("config", "--json", *words, env=clean_environment(**(env or {})),
                           cwd=self.directory)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        return json.loads(ended.stdout)

    def refused(self, *words, env=None, command="config"):
        ended = run_binary(command, *words, env=clean_environment(**(env or {})), cwd=self.directory)
        self.assertGreater(ended.returncode, 0, ended.stdout)
        return ended.stderr.decode()

    def start(self, *settings, **more):
        more = {"state_dir": self.directory / "state", "log_file": self.directory / "log", **more}
        node = Node(*settings, **more)
        self.addCleanup(node.close)
        return node


class Sources(ConfigTest):

    def test_defaults_are_shown_with_where_they_come_from(self):
        shown = self.config()
        self.assertEqual(set(shown), {"values", "origins", "file"})
        self.assertIsNone(shown["file"])
        self.assertEqual(set(shown["origins"].values()), {"default"})
        values = shown["values"]
        self.assertEqual((values["api"]["host"], values["api"]["port"]), ("127.0.0.1", 3000))
        self.assertEqual((values["websocket"]["port"], values["worker"]["concurrency"]), (8080, 4))
        self.assertEqual(values["session"]["kill_grace_ms"], 2000)
        self.assertEqual(values["api"]["cors_origin"], "")
        flat = {key if not isinstance(value, dict) else f"{key}.{name}"
                for key, value in values.items() for name in (value if isinstance(value, dict) else [None])}
        self.assertEqual(flat, set(shown["origins"]))

    def test_the_text_form_has_a_line_for_each(self):
        shown = run_binary("config", cwd=self.directory).stdout.decode()
        for key in self.config()["origins"]:
            self.assertRegex(shown, rf"(?m)^{re.escape(key)} ")
        self.assertIn("default", shown)

    def test_the_command_line_beats_the_environment_beats_the_file(self):
        path = self.file({"worker": {"concurrency": 3}, "logging": {"level": "debug"}, "api": {"port": 3100}})
        env = {"OPENCODE_WORKER_WORKER_CONCURRENCY": "5", "OPENCODE_WORKER_LOGGING_LEVEL": "warn"}
        steps = (((), {}, 4, "default"), ((f"--config={path}",), {}, 3, f"file {path}"),
                 ((f"--config={path}",), env, 5, "environment OPENCODE_WORKER_WORKER_CONCURRENCY"),
                 ((f"--config={path}", "--worker.concurrency=7"), env, 7, "command line"),
                 (("--worker.concurrency=7",), {}, 7, "command line"))
        for words, variables, value, origin in steps:
            with self.subTest(words=words, variables=variables):
                shown = self.config(*words, env=variables)
                self.assertEqual((shown["values"]["worker"]["concurrency"],
                                  shown["origins"]["worker.concurrency"]), (value, origin))
        shown = self.config(f"--config={path}", "--worker.concurrency=7", env=env)
        self.assertEqual((shown["values"]["logging"]["level"], shown["values"]["api"]["port"]),
                         ("warn", 3100))
        self.assertEqual(shown["file"], str(path))

    def test_a_file_is_found_here_then_in_xdg(self):
        xdg = self.directory / "xdg" / "opencode-worker"
        xdg.mkdir(parents=True)
        (xdg / "opencode-worker.json").write_text('{"api": {"port": 3201}}')
        env = {"XDG_CONFIG_HOME": str(self.directory / "xdg")}
        self.assertEqual(self.config(env=env)["values"]["api"]["port"], 3201)
        self.file({"api": {"port": 3202}}, "opencode-worker.json")
        self.assertEqual(self.config(env=env)["values"]["api"]["port"], 3202)

    def test_every_setting_has_a_variable_and_a_flag(self):
        shown = self.config(f"--state_dir={self.directory}")
        env, words, wanted = {}, [], {}
        for key in shown["origins"]:
            section, _, name = key.partition(".")
            value = shown["values"][section][name] if name else shown["values"][section]
            wanted[key] = value
            text = value if isinstance(value, str) else json.dumps(value)
            env[variable_of(key)] = text
            words.append(f"--{key}={text}")
        self.assertGreaterEqual(len(env), 50)
        by_variable, by_flag = self.config(env=env), self.config(*words)
        self.assertEqual(by_variable["values"], shown["values"])
        self.assertEqual(by_flag["values"], shown["values"])
        self.assertEqual(by_variable["origins"], {key: f"environment {variable_of(key)}" for key in wanted})
        self.assertEqual(set(by_flag["origins"].values()), {"command line"})

    def test_names_of_many_words_in_the_environment(self):
        shown = self.config(env={"OPENCODE_WORKER_SESSION_MAX_CONCURRENT_SESSIONS": "17",
                                 "OPENCODE_WORKER_GOVERNANCE_MAX_MEMORY_MB": "9000",
                                 "OPENCODE_WORKER_WEBSOCKET_HEARTBEAT_INTERVAL_MS": "1234",
                                 "OPENCODE_WORKER_WORKER_LABELS": "zone=a,disk=fast"})
        self.assertEqual(shown["values"]["session"]["max_concurrent_sessions"], 17)
        self.assertEqual(shown["values"]["governance"]["max_memory_mb"], 9000)
        self.assertEqual(shown["values"]["websocket"]["heartbeat_interval_ms"], 1234)
        self.assertEqual(shown["values"]["worker"]["labels"], {"zone": "a", "disk": "fast"})

    def test_what_depends_on_the_machine_is_filled_in(self):
        values = self.config(f"--state_dir={self.directory}/s", "--worker.concurrency=0",
                             "--session.max_concurrent_sessions=1")["values"]
        self.assertEqual(values["store"]["dir"], f"{self.directory}/s/store")
        self.assertGreaterEqual(values["worker"]["concurrency"], 1)
        self.assertGreaterEqual(values["session"]["max_concurrent_sessions"], values["worker"]["concurrency"])
        env = {"XDG_STATE_HOME": str(self.directory / "xs")}
        self.assertEqual(self.config(env=env)["values"]["state_dir"], f"{self.directory}/xs/opencode-worker")

    def test_of_two_time_limits_the_nearer_one_counts(self):
        path = self.file({"session": {"default_timeout_ms": 1000}})
        for words, value in (((f"--config={path}",), 1000),
                             ((f"--config={path}", "--governance.default_timeout_ms=5000"), 5000),
                             (("--session.default_timeout_ms=70", "--governance.default_timeout_ms=60"), 60)):
            values = self.config(*words)["values"]
            self.assertEqual((values["session"]["default_timeout_ms"],
                              values["governance"]["default_timeout_ms"]),
                             (value, value))


class WrongSettings(ConfigTest):

    def test_unknown_keys_are_named_with_the_nearest_one(self):
        for content, key, nearest in (({"api": {"prot": 1}}, "api.prot", "api.port"),
                                      ({"sesion": {"base_dir": "x"}}, "sesion.base_dir", "session.base_dir"),
                                      ({"worker": {"concurency": 1}}, "worker.concurency",
                                       "worker.concurrency"),
                                      ({"state_dri": "x"}, "state_dri", "state_dir")):
            with self.subTest(content=content):
                path = self.file(content)
                words = self.refused(f"--config={path}")
                for word in (str(path), key.split(".")[0], nearest):
                    self.assertIn(word, words)
        words = self.refused(env={"OPENCODE_WORKER_API_PROT": "1"})
        self.assertIn("OPENCODE_WORKER_API_PROT", words)
        self.assertIn("OPENCODE_WORKER_API_PORT", words)
        words = self.refused("--api.prot=1")
        self.assertIn("--api.prot", words)
        self.assertIn("--api.port", words)

    def test_values_that_are_wrong_are_told_with_what_is_allowed(self):
        for key, value, allowed in (("api.port", "3000", "an integer from 0 to 65535"),
                                    ("api.port", 65536, "65535"), ("api.port", -1, "from 0"),
                                    ("api.port", 1.5, "an integer"), ("api.port", None, "an integer"),
                                    ("websocket.enabled", "yes", "true or false"),
                                    ("logging.level", "loud", "trace, debug, info, warn, error"),
                                    ("worker.concurrency", -1, "from 0"), ("api.host", 7, "a text"),
                                    ("session.workspace_roots", "x", "a list of texts"),
                                    ("session.workspace_roots", [1], "a list of texts"),
                                    ("worker.labels", {"a": 1}, "an object of texts"),
                                    ("governance.max_cpu", "8", "a number"),
                                    ("isolation.minimum", "steel",
                                     "process, landlock, namespace, container")):
            with self.subTest(key=key, value=value):
                section, name = key.split(".")
                path = self.file({section: {name: value}})
                words = self.refused(f"--config={path}")
                for word in (str(path), key, json.dumps(value, separators=(",", ":")), allowed):
                    self.assertIn(word, words)
        for text in ("x", "", "65536", "3000x", "0x10", "1e3", "99999999999999999999"):
            with self.subTest(text=text):
                self.assertIn("65535", self.refused(env={"OPENCODE_WORKER_API_PORT": text}))
                self.assertIn("65535", self.refused(f"--api.port={text}"))

    def test_files_that_cannot_be_read(self):
        self.assertIn("missing.json", self.refused(f"--config={self.directory}/missing.json"))
        for content in ("", "{", "[]", "null", '{"api":{"port":1,"port":2}}', "\xff", "{} x", "[" * 100_000):
            with self.subTest(content=content[:20]):
                path = self.file(content)
                self.assertIn(str(path), self.refused(f"--config={path}"))

    def test_settings_that_contradict_each_other(self):
        for words, names in ((("--governance.default_cpu=9",),
                              ("governance.default_cpu", "governance.max_cpu")),
                             (("--governance.default_memory_mb=9999999",), ("governance.max_memory_mb",)),
                             (("--tls.certificate=/etc/hostname",), ("tls.certificate", "tls.key")),
                             (("--tls.certificate=/no/cert", "--tls.key=/no/key"), ("/no/cert",)),
                             (("--logging.output=file",), ("logging.log_file_path",)),
                             (("--session.work_dir_name=a/b",), ("session.work_dir_name",)),
                             (("--session.work_dir_name=x", "--session.output_dir_name=x"),
                              ("session.output_dir_name",))):
            with self.subTest(words=words):
                said = self.refused(*words)
                for name in names:
                    self.assertIn(name, said)

    def test_what_this_version_cannot_do_is_refused_not_ignored(self):
        for setting in ("docker.enabled=true",):
            with self.subTest(setting=setting):
                self.assertIn(setting.split("=")[0], self.refused(f"--{setting}", command="serve"))

    def test_other_machines_are_not_let_in_without_tls(self):
        for host in ("0.0.0.0", "::", "192.0.2.1"):
            with self.subTest(host=host):
                words = self.refused(f"--api.host={host}", f"--state_dir={self.directory}/s", command="serve")
                self.assertIn(host, words)
                for line in ("--api.host=127.0.0.1", "--tls.certificate=", "--tls.terminated_upstream=true"):
                    self.assertIn(line, words)
                # Each on a line of its own, to be copied.
                rows = [row for row in words.splitlines() if row.lstrip().startswith("--")]
                self.assertEqual(len(rows), 3, words)
        self.assertFalse((self.directory / "s").exists())


class Doors(ConfigTest):

    def make_certificate(self, name="node"):
        if not shutil.which("openssl"):
            self.skipTest("the program openssl is not here to make a certificate")
        certificate, key = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1",
                        "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", key, "-out", certificate],
                       check=True, capture_output=True)
        return certificate, key

    def test_a_node_that_speaks_tls(self):
        certificate, key = self.make_certificate()
        node = self.start(f"--tls.certificate={certificate}", f"--tls.key={key}", ca_file=certificate)
        self.assertTrue(node.url.startswith("https://"))
        self.assertEqual(node.get("/healthz", token=False).status, 200)
        job = node.submit(command="head -c 3000000 /dev/urandom | tee \"$OUTPUT_DIR/f\"")
        result = node.result(job)
        log = node.logs(job)
        self.assertEqual(len(log), 3000000)
        self.assertEqual(node.get(f"/v1/jobs/{job}/artifacts/f").body, log)
        events = node.events(job)
        self.assertEqual(events[-1]["data"]["output"], result["output"])
        for port in (node.port, node.websocket_port):
            with node.websocket(port=port) as client:
                self.assertEqual(client.status, 101)
                client.send({"type": "subscribe", "job_ids": [job]})
                self.assertEqual([m for m in client.until("job_complete") if "seq" in m], events)
        # A client that does not trust it, one of the past, and one that speaks plainly.
        with self.assertRaises(ssl.SSLError):
            http.client.HTTPSConnection("127.0.0.1", node.port, timeout=DEADLINE_S).request("GET", "/healthz")
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.load_verify_locations(certificate)
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises((ssl.SSLError, OSError)):
            http.client.HTTPSConnection("127.0.0.1", node.port, timeout=DEADLINE_S,
                                        context=old).request("GET", "/")
        self.assertNotIn(b" 200 ", node.raw(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"))
        self.assertEqual(node.get("/healthz").status, 200)
        for ca, code in ((("--ca-file", str(certificate)), 7), ((), 125)):
            ended = run_binary("run", "--url", node.url, "--token-file", str(node.state_dir / "token"), *ca,
                               "--", "sh", "-c", "exit 7")
            self.assertEqual(ended.returncode, code, ended.stderr)

    def test_a_key_that_does_not_fit(self):
        certificate, _ = self.make_certificate()
        _, other = self.make_certificate("other")
        words = run_binary("serve", f"--state_dir={self.directory}/s",
                           f"--session.base_dir={self.directory}/b",
                           "--api.port=0", "--websocket.port=0", f"--tls.certificate={certificate}",
                           f"--tls.key={other}")
        self.assertGreater(words.returncode, 0)
        self.assertIn(str(other), words.stderr.decode())

    def test_behind_a_proxy_that_speaks_tls(self):
        node = self.start("--api.host=0.0.0.0", "--tls.terminated_upstream=true")
        self.assertEqual(node.get("/v1/jobs").status, 200)
        # A proxy makes everyone look local, so that opens no door.
        self.assertEqual(node.get("/metrics", token=False).status, 401)

    def test_without_a_websocket_port(self):
        self.start("--websocket.enabled=false", wait=False)
        about = self.directory / "state" / "node.json"
        wait_until(about.exists, "node.json")
        self.assertEqual(json.loads(about.read_text())["websocket_url"], "")


class StateDirectory(ConfigTest):

    def test_the_first_start_makes_a_private_token_and_later_ones_keep_it(self):
        state = self.directory / "deep" / "state"
        state.parent.mkdir()
        node = self.start(state_dir=state)
        token = state / "token"
        self.assertEqual(stat.S_IMODE(token.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(state.stat().st_mode), 0o700)
        self.assertRegex(token.read_text(), r"^[0-9a-f]{64}\n$")
        self.assertNotIn(node.token, node.log_text())
        with open(f"/proc/{node.pid}/cmdline", "rb") as line:
            self.assertNotIn(node.token.encode(), line.read())
        before = node.token
        node.restart()
        self.assertEqual(node.token, before)
        for path in state.rglob("*"):
            if path.is_file() and path.name not in ("node.json",):
                self.assertEqual(stat.S_IMODE(path.stat().st_mode) & 0o077, 0, f"others can read {path}")

    def test_a_token_others_could_read_or_that_is_none_is_refused(self):
        state = self.directory / "state"
        state.mkdir(mode=0o700)
        token = state / "token"
        for content, mode, word in (("a" * 64 + "\n", 0o644, "chmod 600"),
                                    ("a" * 64 + "\n", 0o640, "chmod 600"),
                                    ("short\n", 0o600, "16"), ("", 0o600, "16"),
                                    ("a b" * 20, 0o600, "printable"),
                                    ("a" * 64 + "\nmore\n", 0o600, "one line")):
            with self.subTest(content=content[:10], mode=oct(mode)):
                token.write_text(content)
                token.chmod(mode)
                words = self.refused(f"--state_dir={state}", f"--session.base_dir={self.directory}/b",
                                     "--api.port=0", "--websocket.port=0", command="serve")
                self.assertIn(str(token), words)
                self.assertIn(word, words)
        token.unlink()
        (self.directory / "elsewhere").write_text("a" * 64)
        (self.directory / "elsewhere").chmod(0o600)
        token.symlink_to(self.directory / "elsewhere")
        words = self.refused(f"--state_dir={state}", "--api.port=0", "--websocket.port=0", command="serve")
        self.assertIn("symbolic link", words)

    def test_a_token_of_ones_own(self):
        state = self.directory / "state"
        state.mkdir(mode=0o700)
        (state / "token").write_text("my-own-token-of-20ch\n")
        (state / "token").chmod(0o600)
        node = self.start()
        self.assertEqual(node.token, "my-own-token-of-20ch")
        self.assertEqual(node.get("/v1/jobs").status, 200)

    def test_two_nodes_do_not_share_a_state_directory(self):
        node = self.start()
        words = self.refused(f"--state_dir={node.state_dir}", "--api.port=0", "--websocket.port=0",
                             command="serve")
        for word in (str(node.state_dir), str(node.pid), "--state_dir"):
            self.assertIn(word, words)
        words = self.refused(f"--state_dir={self.directory}/other", f"--store.dir={node.state_dir}/store",
                             f"--session.base_dir={self.directory}/b", "--api.port=0", "--websocket.port=0",
                             command="serve")
        self.assertIn("store", words)
        self.assertEqual(node.run(command="echo fine")["stdout"], "fine\n")
        self.assertEqual(json.loads((node.state_dir / "node.json").read_text())["pid"], node.pid)
        node.kill()
        node.start()
        self.assertEqual(node.run(command="echo again")["stdout"], "again\n")


class Reloading(ConfigTest):

    def lines(self, node, event):
        found = []
        for line in node.log_text().splitlines():
            if f'"{event}"' in line:
                found.append(json.loads(line))
        return found

    def hang_up(self, node, event, count=1):
        node.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(self.lines(node, event)) >= count, event)
        return self.lines(node, event)[-1]["message"]

    def test_a_hangup_changes_what_can_change_and_says_what_cannot(self):
        path = self.file({"logging": {"level": "info"}, "api": {"cors_origin": ""}})
        node = self.start(f"--config={path}")
        job = node.submit(command="true")
        node.events(job)
        self.assertEqual(self.lines(node, "sse.ended"), [])
        self.file({"logging": {"level": "debug"}, "api": {"cors_origin": "https://ui.example"},
                   "worker": {"concurrency": 9}, "governance": {"max_cpu": 3}})
        said = self.hang_up(node, "settings.reloaded")
        changed, rest = said.split(";")
        for key in ("logging.level", "api.cors_origin", "governance.max_cpu"):
            self.assertIn(key, changed)
        self.assertIn("worker.concurrency", rest)
        node.events(job)
        wait_until(lambda: self.lines(node, "sse.ended"), "a line of level debug")
        self.assertEqual(node.get("/v1/jobs", headers={"Origin": "https://ui.example"}).status, 200)
        self.assertEqual(node.post("/v1/jobs", {"command": "true", "limits": {"cpu": 4}}).status, 400)
        self.assertEqual(node.get("/v1/workers").json["workers"][0]["concurrency"], 4)

    def test_a_hangup_with_a_wrong_file_changes_nothing(self):
        path = self.file({"logging": {"level": "info"}})
        node = self.start(f"--config={path}")
        for content in ("{", {"logging": {"level": "loud"}}, {"lodging": {}}):
            path = self.file(content)
            count = len(self.lines(node, "settings.refused")) + 1
            self.assertIn("nothing was changed", self.hang_up(node, "settings.refused", count))
        self.assertEqual(node.run(command="echo fine")["stdout"], "fine\n")
        self.file({"logging": {"level": "warn"}})
        node.process.send_signal(signal.SIGHUP)
        self.assertEqual(node.run(command="echo fine")["stdout"], "fine\n")

    def test_a_log_file_is_opened_again(self):
        log = self.directory / "node.log"
        node = self.start("--logging.output=file", f"--logging.log_file_path={log}")
        wait_until(lambda: "node.ready" in log.read_text(), "the first line")
        self.assertEqual(node.log_text(), "")
        moved = self.directory / "node.log.1"
        log.rename(moved)
        node.process.send_signal(signal.SIGHUP)
        wait_until(lambda: log.exists() and "settings.reloaded" in log.read_text(), "the new file")
        node.run(command="true", job_id="after-the-move")
        wait_until(lambda: "after-the-move" in log.read_text(), "a line in it")
        self.assertNotIn("after-the-move", moved.read_text())

    def test_every_line_of_the_log_is_an_object(self):
        node = self.start("--logging.level=trace")
        node.run(command="echo 'a \"b\" \n'", job_id="logged", env={"A": "\"\\\x1b[31m"})
        node.get("/nothing")
        node.stop()
        lines = node.log_text().splitlines()
        self.assertGreater(len(lines), 3)
        for line in lines:
            entry = json.loads(line)
            for name in ("timestamp", "level", "event", "message"):
                self.assertIn(name, entry)
        self.assertTrue(any(json.loads(line).get("job_id") == "logged" for line in lines))

    def test_the_log_for_people(self):
        node = self.start("--logging.format=pretty")
        node.run(command="true", job_id="pretty-one")
        self.assertRegex(node.log_text(), r"(?m)^\S+ INFO  session.ended: .* job=pretty-one")


class Version(ConfigTest):

    def test_it_is_told_in_three_ways(self):
        plain = run_binary("version").stdout.decode()
        self.assertRegex(plain, r"^opencode-worker \d+\.\d+\.\d+\S*\n$")
        self.assertEqual(run_binary("--version").stdout.decode(), plain)
        about = json.loads(run_binary("version", "--json").stdout)
        self.assertIn(about["version"], plain)
        self.assertRegex(about["caf"], r"^\d+\.\d+\.\d+$")


if __name__ == "__main__":
    unittest.main()
