"""What a session is given: files, mounts, input, and what it leaves."""

import pathlib
import shutil
import tempfile
import unittest

from harness import Node, OPEN_INPUT, wait_until


class SessionTest(unittest.TestCase):

    def start(self, *settings, **more):
        node = Node(*settings, **more)
        self.addCleanup(node.close)
        return node

    def directory(self, where=None):
        made = pathlib.Path(tempfile.mkdtemp(prefix="ocw-e2e-", dir=where))
        self.addCleanup(shutil.rmtree, made)
        made.chmod(0o755)
        return made


class Places(SessionTest):

    def test_base_and_models_beside_the_sessions_are_shown_read_only(self):
        # Below /tmp a session's own directory would cover them; /var/tmp is a link in a session.
        for where in ("/tmp", "/var/tmp", "/dev/shm"):
            with self.subTest(where=where):
                top = self.directory(where)
                for name in ("base", "models", "mounted"):
                    (top / name).mkdir(mode=0o755)
                    (top / name / "f").write_text(name)
                node = self.start(f"--session.base_dir={top}/sessions",
                                  f"--session.readonly_mounts={top}/mounted")
                result = node.run(command=f"cd {top}; cat base/f models/f mounted/f; echo x >base/new")
                self.assertEqual(result["stdout"], "basemodelsmounted", result)
                self.assertIn("Read-only file system", result["stderr"])
                self.assertFalse((top / "base/new").exists())
                self.assertEqual(node.get("/v1/workers").json["workers"][0]["isolation"]["tier"], "namespace")

    def test_base_is_shown_inside_the_state_directory_too(self):
        state = self.directory()
        (state / "base").mkdir()
        (state / "base" / "f").write_text("here")
        (state / "base").chmod(0o755)
        node = self.start(state_dir=state)
        result = node.run(command=f"cat {state}/base/f; ls {state}/token {state}/store")
        self.assertEqual(result["stdout"], "here", result)

    def test_a_workspace_root_that_is_not_there_stops_the_start(self):
        node = Node("--session.workspace_roots=/nonexistent/roots", wait=False)
        self.addCleanup(node.close)
        self.assertNotEqual(node.process.wait(30), 0)
        self.assertIn("session.workspace_roots: '/nonexistent/roots' is no directory", node.log_text())

    def test_files_are_written_into_a_workspace(self):
        root = self.directory()
        place = root / "roots" / "shop"
        place.mkdir(parents=True)
        (place / "old").write_text("before")
        node = self.start(f"--session.workspace_roots={root}/roots")
        result = node.run(command="cat old new/deep", workspace=str(place),
                          files={"old": "after ", "new/deep": {"content_base64": "eA==", "mode": "0640"}})
        self.assertEqual((result["stdout"], result["exit_code"]), ("after x", 0), result)
        self.assertEqual((place / "old").read_text(), "after ")
        made = (place / "new" / "deep").stat()
        self.assertEqual((made.st_mode & 0o777, made.st_uid), (0o640, place.stat().st_uid))


class Streams(SessionTest):

    def test_a_stream_that_is_not_kept_goes_nowhere_and_harms_nothing(self):
        node = self.start()
        for stdin in ({}, {"stdin": "x"}):
            result = node.run(command="echo out; echo err >&2; ls -l /proc/self/fd/ >/dev/null",
                              stream={"capture_stdout": False}, **stdin)
            self.assertEqual((result["exit_code"], result["stdout"], result["stderr"]), (0, "", "err\n"), result)
            result = node.run(command="echo out; echo err >&2", stream={"capture_stderr": False}, **stdin)
            self.assertEqual((result["exit_code"], result["stdout"], result["stderr"]), (0, "out\n", ""), result)

    def test_input_that_was_closed_takes_no_more(self):
        node = self.start()
        given = node.submit(command="sleep 300", stdin="abc")
        opened = node.submit(command="cat; sleep 300", stdin=OPEN_INPUT)
        for job in (given, opened):
            node.wait_for_phase(job, "EXECUTE")
        self.assertEqual(node.post(f"/v1/jobs/{given}/stdin", b"x").status, 409)
        self.assertEqual(node.post(f"/v1/jobs/{opened}/stdin?eof=1", b"x").status, 200)
        refused = node.post(f"/v1/jobs/{opened}/stdin", b"y")
        self.assertEqual((refused.status, refused.json["details"]["reason"]),
                         (409, "the job's standard input is closed"))
        wait_until(lambda: node.logs(opened) == b"x", "the input")


class Artifacts(SessionTest):

    def test_what_could_not_be_kept_is_told(self):
        node = self.start()
        result = node.run(command='cd "$OUTPUT_DIR"; echo a >kept; mkfifo pipe; ln -s /etc/passwd link')
        self.assertEqual((result["status"], result["artifacts"]), ("finished", ["kept"]))
        for name in ("pipe", "link"):
            self.assertIn(f"'{name}' is not a regular file", result["artifacts_missing"])
        chain = node.get(f"/v1/jobs/{result['job_id']}/why").json["chain"]
        self.assertIn("some of its artifacts could not be kept", [step["what"] for step in chain])


if __name__ == "__main__":
    unittest.main()
