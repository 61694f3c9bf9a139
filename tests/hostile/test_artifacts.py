"""What a job leaves for whoever collects it and cleans up after it."""

import pathlib
import tempfile
import time
import unittest

from hostile import ATTACKER, CONTAINER, ROOT, HostileTest, in_modes, wait_until

COLLECT_MS = 5000  # the contract, for a machine that is not busy with other things


class Artifacts(HostileTest):
    settings = ("--worker.concurrency=2",)

    def lay(self, kind, *outside):
        """The result of a job that laid a trap, and what was kept of it."""
        job = self.node.submit(argv=["./attacker", "traps", kind, *outside], files=ATTACKER,
                               limits={"timeout": 120000})
        self.node.wait_for(job, "finished", "failed", "timeout")
        result = self.node.result(job)
        self.assertEqual(result["status"], "finished", result)
        self.assertLessEqual(result["metrics"]["collect_ms"], max(COLLECT_MS, self.slowness() * COLLECT_MS))
        session = self.node.base / f"session-{result['session_id']}"
        wait_until(lambda: not session.exists(), "the session's directory gone")
        wait_until(lambda: not list((self.node.base / ".trash").iterdir()), "an empty trash")
        self.assertIn("honest", result["artifacts"])
        return job, result

    def slowness(self):
        """How long 10,000 small files take here and now, in seconds: as many as are kept."""
        begin = time.monotonic()
        with tempfile.TemporaryDirectory(dir=self.node.top) as place:
            for number in range(1000):
                pathlib.Path(place, str(number)).write_bytes(b"x")
        return (time.monotonic() - begin) * 10

    def content(self, job, path):
        reply = self.node.get(f"/v1/jobs/{job}/artifacts/{path}")
        self.assertEqual(reply.status, 200, path)
        return reply.body

    def test_links_and_devices_lead_nowhere(self):
        job, result = self.lay("links", str(self.node.outside), "/etc/hostname", "/etc/shadow",
                               str(self.node.state_dir / "token"))
        tar = self.node.get(f"/v1/jobs/{job}/artifacts.tar")
        self.assertEqual(tar.status, 200)
        for secret in (b"not for jobs", self.node.token.encode(), self.node.node_mark["OCW_MARK"].encode()):
            self.assertNotIn(secret, tar.body)
        for path in result["artifacts"]:
            if path.isascii() and path.isprintable():
                self.assertEqual(self.content(job, path), b"mine", path)
        self.assertEqual([path for path in result["artifacts"] if path not in
                          ("honest", "..name", "new\nline") and not path.startswith("byte")], [])

    def test_a_sparse_terabyte(self):
        job, result = self.lay("sparse")
        self.assertEqual(result["artifacts"], ["honest"])
        self.assertEqual(self.content(job, "honest"), b"mine")

    def test_a_hundred_thousand_files(self):
        if self.mode != ROOT:
            self.skipTest("looked at in mode root; the collector is the same")
        _, result = self.lay("many")
        self.assertLessEqual(len(result["artifacts"]), 10000)

    def test_ten_thousand_directories_in_each_other(self):
        if self.mode == CONTAINER:
            self.skipTest("looked at in the other modes; who removes them is the same")
        _, result = self.lay("deep")
        self.assertEqual(result["artifacts"], ["honest"])
        self.assertEqual(self.node.run(command="echo on")["stdout"], "on\n")

    def test_directories_without_any_mode(self):
        job, result = self.lay("closed")
        for path in result["artifacts"]:
            self.assertEqual(self.content(job, path), b"mine")


in_modes(globals(), Artifacts)

if __name__ == "__main__":
    unittest.main()
