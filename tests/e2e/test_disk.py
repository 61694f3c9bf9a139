"""limits.disk: files fill up at the limit, and only there; in memory where a session has a disk of its
own, by looking elsewhere."""

import base64
import concurrent.futures
import os
import pathlib
import tempfile
import unittest

from harness import Node, NodeTest, sha256, wait_until

MB = 1 << 20
USER = 1001  # anyone but root
OTHER_TIERS = "--isolation.disable=mount,pid,userns,ipc,uts,net,own_uid"

# Writes until it cannot, says how much that was, and ends with the code of what failed.
FILL = "dd if=/dev/zero of={0} bs=64k; code=$?; stat -c %s {0}; exit $code"


def text(content, mode="644"):
    return {"content_base64": base64.b64encode(content).decode(), "mode": mode}


def layers_of(node):
    return node.get("/v1/workers").json["workers"][0]["isolation"]["layers"]


class DiskTest(NodeTest):
    def setUp(self):
        if "disk_tmpfs" not in layers_of(self.node):
            self.skipTest("sessions have no disk of their own here: " + str(
                self.node.get("/v1/workers").json["workers"][0]["isolation"]["why_not"]))

    def fill(self, limit, command, **request):
        """Runs a job that is to fail because its disk is full."""
        result = self.node.run(command=command, limits={"disk": limit}, **request)
        self.assertEqual((result["status"], result["reason"]["code"]), ("failed", "disk_limit"), result)
        self.assertIn(str(limit), result["reason"]["message"])
        self.assertIn("limits.disk", result["reason"]["hint"])
        self.assertIn("disk_tmpfs", result["isolation"]["layers"])
        return result

    def assert_near(self, got, limit):
        self.assertLessEqual(abs(got - limit), limit * 0.05)


class Filling(DiskTest):
    def test_one_file_fills_it_at_the_limit(self):
        for limit in (1 * MB, 32 * MB):
            result = self.fill(limit, FILL.format("big"))
            self.assert_near(int(result["stdout"]), limit)
            self.assertIn("No space left on device", result["stderr"])
            self.assert_near(result["metrics"]["disk_used_mb"] * MB, limit)

    def test_small_files_fill_it_at_the_limit(self):
        result = self.fill(4 * MB, "i=0; while printf '%4096s' x > f$i; do i=$((i+1)); done; echo $i; exit 1")
        self.assert_near(int(result["stdout"]) * 4096, 4 * MB)
        self.assertIn("No space left on device", result["stderr"])

    def test_all_that_a_job_can_write_counts_together(self):
        result = self.fill(8 * MB, "head -c 2M /dev/zero > /tmp/a; head -c 2M /dev/zero > $OUTPUT_DIR/b;"
                                   "head -c 1M /dev/zero > /var/tmp/c; head -c 1M /dev/zero > /dev/shm/d;"
                                   + FILL.format("rest"))
        self.assert_near(int(result["stdout"]) + 6 * MB, 8 * MB)

    def test_files_without_end_fill_it_too(self):
        # Empty ones take no bytes, but memory of the kernel.
        result = self.fill(8 * MB, "i=0; while : > f$i; do i=$((i+1)); done; echo $i; exit 1")
        self.assertGreater(int(result["stdout"]), 2048)
        self.assertLess(int(result["stdout"]), 2048 + 1024)
        self.assertIn("files and directories", result["reason"]["message"])

    def test_a_job_that_gets_by_without_room_is_finished(self):
        result = self.node.run(command="dd if=/dev/zero of=big bs=64k; true", limits={"disk": 4 * MB})
        self.assertEqual((result["status"], result["reason"]), ("finished", None))
        self.assertEqual(result["metrics"]["disk_used_mb"], 4)

    def test_a_job_that_fails_with_room_left_failed_by_itself(self):
        result = self.node.run(command="head -c 1M /dev/zero > big; exit 3", limits={"disk": 4 * MB})
        self.assertEqual((result["exit_code"], result["reason"]["code"]), (3, "exit_nonzero"))
        self.assertIn(result["metrics"]["disk_used_mb"], (1, 2))

    def test_gaps_in_a_file_take_no_room(self):
        result = self.node.run(command="truncate -s 1G sparse && stat -c %s sparse", limits={"disk": 4 * MB})
        self.assertEqual(result["stdout"], f"{1 << 30}\n", result)

    def test_what_is_removed_is_room_again(self):
        result = self.node.run(command="for i in 1 2 3 4 5; do head -c 3M /dev/zero > f || exit; rm f; done",
                               limits={"disk": 4 * MB})
        self.assertEqual(result["status"], "finished", result)

    def test_another_session_does_not_notice(self):
        full = self.node.submit(command="cat /dev/zero > big; echo full; sleep 600", limits={"disk": 4 * MB})
        wait_until(lambda: self.node.logs(full) == b"full\n", "a full disk")
        for limits in ({"disk": 4 * MB}, {}):
            result = self.node.run(command="head -c 3M /dev/zero > a && stat -c %s a", limits=limits)
            self.assertEqual(result["stdout"], f"{3 * MB}\n", result)
        self.node.post(f"/v1/jobs/{full}/cancel")
        self.assertEqual(self.node.result(full)["status"], "cancelled")


class Contents(DiskTest):
    def test_files_are_there_and_count(self):
        result = self.fill(4 * MB, "stat -c '%a %u %s' data bin/tool; sha256sum < data; bin/tool;"
                                   + FILL.format("rest"),
                           files={"data": text(b"x" * 2 * MB), "bin/tool": text(b"#!/bin/sh\necho ran\n", "755")})
        lines = result["stdout"].splitlines()
        user = 1000 if "userns" in result["isolation"]["layers"] else os.getuid()
        self.assertEqual(lines[:4], [f"644 {user} {2 * MB}", f"755 {user} 19", sha256(b"x" * 2 * MB) + "  -", "ran"])
        self.assert_near(int(lines[4]) + 2 * MB, 4 * MB)

    def test_files_beyond_the_limit_are_refused(self):
        reply = self.node.post("/v1/jobs", {"command": "true", "files": {"big": text(b"x" * 2 * MB)},
                                            "limits": {"disk": MB}})
        self.assertEqual((reply.status, reply.json["code"]), (400, "limit_exceeded"))
        self.assertEqual(reply.json["details"]["field"], "files")
        self.assertIn("limits.disk (1048576)", reply.json["error"])

    def test_what_makes_no_room_for_the_first_file_says_so(self):
        files = {f"{i}/{'d/' * 20}f": text(b"") for i in range(100)}  # no bytes, but directories
        result = self.node.run(command="true", files=files, limits={"disk": 4096})
        self.assertEqual(result["reason"]["code"], "prepare_failed")
        self.assertIn("limits.disk", result["reason"]["message"])

    def test_artifacts_are_collected(self):
        result = self.node.run(command="head -c 3M /dev/zero > $OUTPUT_DIR/a; mkdir -p r; echo b > r/b.txt",
                               artifacts=["r/*.txt"], limits={"disk": 8 * MB})
        self.assertEqual(result["artifacts"], ["a", "r/b.txt"], result)
        content = self.node.get(f"/v1/jobs/{result['job_id']}/artifacts/a").body
        self.assertEqual(sha256(content), sha256(bytes(3 * MB)))
        self.assertTrue(result["teardown"]["directory_removed"])

    def test_artifacts_of_a_full_disk_are_collected(self):
        result = self.fill(4 * MB, "cat /dev/zero > $OUTPUT_DIR/a")
        self.assertEqual(result["artifacts"], ["a"])

    def test_standard_input_comes_with_it(self):
        given = os.urandom(300000)
        result = self.node.run(command="cat > copy; sha256sum < copy; pwd; echo $TMPDIR; touch $TMPDIR/t /tmp/u",
                               stdin={"content_base64": base64.b64encode(given).decode()}, limits={"disk": MB})
        work = self.node.base / f"session-{result['session_id']}"
        self.assertEqual(result["stdout"].splitlines(), [sha256(given) + "  -", f"{work}/work", f"{work}/tmp"], result)

    def test_a_program_among_the_files_is_found(self):
        result = self.node.run(argv=["tool"], env={"PATH": "bin:/usr/bin:/bin"}, limits={"disk": MB},
                               files={"bin/tool": text(b"#!/bin/sh\necho ran\n", "755")})
        self.assertEqual(result["stdout"], "ran\n", result)

    def test_its_directory_stays_the_node_s(self):
        result = self.node.run(command="cd .. && cat opencode.json && touch new; rm -f opencode.json; ls -d work output tmp",
                               limits={"disk": MB}, config={"mode": "worker"})
        self.assertIn("worker", result["stdout"])
        self.assertIn("output\ntmp\nwork\n", result["stdout"])
        if "own_uid" in result["isolation"]["layers"]:
            self.assertEqual(result["stderr"].count("Permission denied"), 2, result)


class Asking(DiskTest):
    def test_only_a_job_with_a_limit_has_one(self):
        self.assertNotIn("disk_tmpfs", self.node.run(command="true")["isolation"]["layers"])
        self.assertNotIn("disk_tmpfs", self.node.run(command="true", limits={"disk": 0})["isolation"]["layers"])

    def test_one_that_is_required_and_not_given_is_refused(self):
        # What is on it is in memory, so memory has to hold it.
        for limits in ({}, {"disk": 64 * MB, "memory": "64MB"}):
            reply = self.node.post("/v1/jobs", {"command": "true", "require": ["disk_tmpfs"], "limits": limits})
            self.assertEqual((reply.status, reply.json["code"]), (422, "isolation_unavailable"))
        result = self.node.run(command="true", require=["disk_tmpfs"], limits={"disk": 63 * MB, "memory": "64MB"})
        self.assertEqual(result["status"], "finished")

    def test_a_limit_that_memory_cannot_hold_is_looked_after(self):
        limits = {"disk": 64 * MB, "memory": "64MB"}
        result = self.node.run(command="while : > f$((i+=1)); do :; done", limits=limits)
        self.assertEqual(result["reason"]["code"], "disk_limit", result)
        self.assertNotIn("disk_tmpfs", result["isolation"]["layers"])

    def test_files_that_fill_the_memory_are_named(self):
        result = self.node.run(command="x=$(head -c 12M /dev/zero | tr '\\0' x); cat /dev/zero > big; sleep 5",
                               limits={"disk": 30 * MB, "memory": "32MB"})
        self.assertEqual(result["reason"]["code"], "memory_limit", result)
        self.assertRegex(result["reason"]["message"], r"with \d+ MB of files, which limits.disk keeps in memory")


class Traces(DiskTest):
    settings = ("--worker.concurrency=4", "--governance.cpu_overcommit=0")

    def run_many(self, count):
        def run(number):
            return self.node.run(command=f"head -c 1M /dev/zero > a; echo {number}", limits={"disk": 2 * MB})

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for number, result in enumerate(pool.map(run, range(count))):
                self.assertEqual((result["status"], result["stdout"]), ("finished", f"{number}\n"), result)

    def test_nothing_is_left_of_a_hundred(self):
        mounts = pathlib.Path("/proc/self/mountinfo").read_text()
        self.run_many(12)  # shims are kept for the next jobs
        before = self.node.fd_count()
        self.run_many(100)
        wait_until(lambda: self.node.fd_count() <= before, f"{before} descriptors as before")
        self.assertEqual(pathlib.Path("/proc/self/mountinfo").read_text(), mounts)
        self.assertEqual([path.name for path in self.node.base.iterdir()], [".trash"])
        self.assertEqual(list((self.node.base / ".trash").iterdir()), [])

    def test_a_job_finds_nothing_of_the_one_before(self):
        for _ in range(4):
            result = self.node.run(command="ls -A . /tmp $OUTPUT_DIR; cat /dev/zero > /tmp/full", limits={"disk": MB})
            self.assertNotIn("full\n", result["stdout"])
        # Nor does its memory go on holding what the last one wrote.
        for _ in range(4):
            result = self.node.run(command="head -c 30M /dev/zero > a && head -c 30M /dev/zero | tail -c 1 | wc -c",
                                   limits={"disk": 32 * MB, "memory": "64MB"})
            self.assertEqual(result["stdout"], "1\n", result)


class Keeping(DiskTest):
    settings = ("--worker.cleanup_delay_ms=60000",)

    def test_a_disk_is_not_kept(self):
        result = self.node.run(command="touch a", limits={"disk": MB})
        self.assertTrue(result["teardown"]["directory_removed"])


class Workspace(DiskTest):
    @classmethod
    def setUpClass(cls):
        cls.node = Node("--session.workspace_roots=/var/tmp")
        cls.addClassCleanup(cls.node.close)

    def test_a_workspace_is_not_held_but_all_else_is(self):
        with tempfile.TemporaryDirectory(prefix="ocw-e2e-", dir="/var/tmp") as workspace:
            os.chmod(workspace, 0o777)
            result = self.fill(MB, "head -c 3M /dev/zero > kept; " + FILL.format("/tmp/a"), workspace=workspace)
            self.assert_near(int(result["stdout"]), MB)
            self.assertEqual((pathlib.Path(workspace) / "kept").stat().st_size, 3 * MB)


class OrdinaryUser(DiskTest):
    """The node is a user like any other, and so are its jobs."""

    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("only root becomes somebody else")
        cls.node = Node(user=USER)
        cls.addClassCleanup(cls.node.close)

    def test_a_disk_is_filled_at_the_limit(self):
        result = self.fill(16 * MB, FILL.format("big"), files={"data": text(b"x" * 4 * MB)})
        self.assert_near(int(result["stdout"]) + 4 * MB, 16 * MB)

    def test_artifacts_are_collected(self):
        result = self.node.run(command="echo a > $OUTPUT_DIR/a; stat -c %u ../output", limits={"disk": 8 * MB})
        self.assertEqual((result["artifacts"], result["stdout"]), (["a"], "1000\n"), result)

    def test_files_count_as_memory(self):
        result = self.node.run(command="x=$(head -c 20M /dev/zero | tr '\\0' x); cat /dev/zero > big; sleep 60",
                               limits={"disk": 30 * MB, "memory": "32MB"})
        self.assertEqual(result["reason"]["code"], "memory_limit", result)


class Looking(NodeTest):
    """Sessions without a disk of their own."""

    settings = ("--isolation.disable=disk_tmpfs",)

    def test_a_writer_is_ended(self):
        result = self.node.run(command="while :; do i=$((i+1)); head -c 256K /dev/zero > f$i; done",
                               limits={"disk": 8 * MB})
        self.assertEqual((result["status"], result["reason"]["code"]), ("failed", "disk_limit"), result)
        self.assertNotIn("disk_tmpfs", result["isolation"]["layers"])
        self.assertGreaterEqual(result["metrics"]["disk_used_mb"], 8)
        self.assertIn(f"limits.disk is {8 * MB} bytes", result["reason"]["message"])

    def test_a_maker_of_empty_files_is_ended(self):
        result = self.node.run(command="while : > f$((i+=1)); do :; done", limits={"disk": MB})
        self.assertEqual(result["reason"]["code"], "disk_limit", result)

    def test_one_that_is_quicker_than_the_looks_is_not_finished(self):
        result = self.node.run(command="for i in 1 2 3; do head -c 1M /dev/zero > $OUTPUT_DIR/$i; done",
                               limits={"disk": 2 * MB})
        self.assertEqual((result["status"], result["reason"]["code"]), ("failed", "disk_limit"), result)

    def test_one_file_goes_no_further_than_the_limit(self):
        result = self.node.run(command="cat /dev/zero > big; stat -c %s big", limits={"disk": MB})
        self.assertLessEqual(int(result["stdout"] or 0), MB)

    def test_a_job_within_its_limit_is_left_alone(self):
        result = self.node.run(command="head -c 1M /dev/zero > a; ln a b; sleep 0.3", limits={"disk": 3 * MB // 2})
        self.assertEqual(result["status"], "finished", result)
        self.assertIn(result["metrics"]["disk_used_mb"], (1, 2))

    def test_it_cannot_be_required(self):
        reply = self.node.post("/v1/jobs", {"command": "true", "require": ["disk_tmpfs"], "limits": {"disk": MB}})
        self.assertEqual((reply.status, reply.json["code"]), (422, "isolation_unavailable"))


class LookingWithoutNamespaces(Looking):
    settings = (OTHER_TIERS,)


class Defaults(NodeTest):
    settings = ("--governance.default_disk_mb=4", "--governance.max_disk_mb=8")

    def test_a_job_that_does_not_say_has_the_default(self):
        result = self.node.run(command="while head -c 64K /dev/zero > f$i; do i=$((i+1)); done; exit 1")
        self.assertEqual(result["reason"]["code"], "disk_limit", result)
        self.assertIn(str(4 * MB), result["reason"]["message"])

    def test_nobody_gets_more_than_the_most(self):
        for limit, said in ((9 * MB, "limits.disk is 9 MB, over governance.max_disk_mb (8)"),
                            (0, "no limit, but governance.max_disk_mb is 8")):
            reply = self.node.post("/v1/jobs", {"command": "true", "limits": {"disk": limit}})
            self.assertEqual((reply.status, reply.json["details"]["field"]), (400, "limits.disk"))
            self.assertIn(said, reply.json["error"])


if __name__ == "__main__":
    unittest.main()
