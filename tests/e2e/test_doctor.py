"""`opencode-worker doctor`: what would hold jobs here, and how to get the rest."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from harness import BINARY, DEADLINE_S, NodeTest, clean_environment, new_marker, processes_with, wait_until

STATES = {"in_force", "missing", "off", "not_needed"}
USER = 1001  # anyone but root


class DoctorTest(unittest.TestCase):
    """A home, a state dir and a TMPDIR of its own; the programs where every user reaches them."""

    user = None  # run as whom we are

    @classmethod
    def setUpClass(cls):
        cls.programs = pathlib.Path(tempfile.mkdtemp(prefix="ocw-e2e-"))
        cls.addClassCleanup(shutil.rmtree, cls.programs, True)
        cls.programs.chmod(0o755)
        for name in ("opencode-worker", "opencode-worker-launcher"):
            shutil.copy(pathlib.Path(BINARY).parent / name, cls.programs / name)

    def setUp(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="ocw-e2e-"))
        self.addCleanup(shutil.rmtree, self.home, True)
        (self.home / "tmp").mkdir()
        self.home.chmod(0o711)
        if self.user is not None:
            for path in (self.home, self.home / "tmp"):
                os.chown(path, self.user, self.user)
        self.marker = new_marker()
        self.env = clean_environment(HOME=str(self.home), XDG_CONFIG_HOME=str(self.home / "config"),
                                     XDG_STATE_HOME=str(self.home / "state"),
                                     TMPDIR=str(self.home / "tmp"), **self.marker)

    def doctor(self, *words, code=0, env=None, program=None):
        as_user = {} if self.user is None else {"user": self.user, "group": self.user, "extra_groups": []}
        ended = subprocess.run([str(program or self.programs / "opencode-worker"), "doctor",
                                f"--session.base_dir={self.home}/sessions", *words],
                               capture_output=True, check=False, cwd=self.home, timeout=DEADLINE_S,
                               env={**self.env, **(env or {})}, **as_user)
        said = ended.stderr.decode()
        self.assertEqual(ended.returncode, code, said + ended.stdout.decode())
        return ended.stdout.decode(), said

    def report(self, *words, code=0, **more):
        return json.loads(self.doctor(*words, "--json", code=code, **more)[0])

    def state_of(self, report, name):
        return next(each for each in report["mechanisms"] if each["name"] == name)

    def tree(self):
        return sorted(str(path) for path in self.home.rglob("*"))


class Report(DoctorTest):

    def test_the_shape_of_the_report(self):
        report = self.report()
        self.assertEqual(list(report), ["ok", "problems", "tier", "minimum", "mechanisms", "always",
                                        "control_groups", "control_groups_mounted", "landlock_abi", "kernel",
                                        "uid", "container", "engines", "directories"])
        self.assertIs(report["ok"], True)
        self.assertEqual(report["problems"], [])
        self.assertIn(report["tier"], ("namespace", "landlock", "process"))
        self.assertEqual(report["minimum"], "process")
        self.assertEqual(report["kernel"], os.uname().release)
        self.assertEqual(report["uid"], os.geteuid() if self.user is None else self.user)
        self.assertEqual([engine["name"] for engine in report["engines"]], ["docker", "podman"])
        self.assertEqual([each["setting"] for each in report["directories"]],
                         ["session.base_dir", "store.dir", "state_dir"])
        for each in report["directories"]:
            self.assertGreater(each["free_bytes"], 0)
        names = [each["name"] for each in report["mechanisms"]] + report["always"]
        self.assertEqual(len(names), len(set(names)))
        for each in report["mechanisms"]:
            with self.subTest(each["name"]):
                self.assertEqual(list(each), ["name", "state", "gives", "why", "hint"])
                self.assertIn(each["state"], STATES)
                self.assertTrue(each["gives"])
                self.assertEqual(bool(each["why"]), each["state"] != "in_force")
                self.assertEqual(bool(each["hint"]), each["state"] == "missing")

    def test_people_see_a_table(self):
        shown, said = self.doctor()
        self.assertEqual(said, "")
        self.assertRegex(shown, r"^Jobs run here in tier \w+; isolation.minimum is process\.\n")
        self.assertRegex(shown, r"(?m)^MECHANISM +STATE +WHAT IT GIVES$")
        self.assertRegex(shown, r"(?m)^seccomp +(in force|missing) ")
        self.assertRegex(shown, r"(?m)^kernel +" + os.uname().release.split("-")[0])
        self.assertNotIn("\x1b", shown)

    def test_a_mechanism_that_is_off_fails_the_minimum(self):
        words = ("--isolation.disable=mount", "--isolation.minimum=namespace")
        report = self.report(*words, code=1)
        self.assertIs(report["ok"], False)
        self.assertEqual(report["problems"][0]["setting"], "isolation.minimum")
        self.assertNotEqual(report["tier"], "namespace")
        self.assertEqual(self.state_of(report, "mount")["state"], "off")
        # What hangs on it is gone too, and says so.
        self.assertIn("mount", self.state_of(report, "pid")["why"])
        shown, said = self.doctor(*words, code=1)
        self.assertRegex(shown, r"(?m)^mount +off ")
        self.assertIn("isolation.minimum asks for tier namespace", said)

    def test_without_mounts_what_needs_none_is_still_in_force(self):
        report = self.report("--isolation.disable=mount")
        self.assertEqual(self.state_of(report, "seccomp")["state"], "in_force")
        if report["landlock_abi"] > 0:
            self.assertEqual(report["tier"], "landlock")
            self.assertEqual(self.state_of(report, "landlock")["state"], "in_force")

    def test_mounts_that_cannot_be_made_are_a_problem(self):
        report = self.report("--session.readonly_mounts=/no/such/place", code=1)
        self.assertIn("session.readonly_mounts", [each["setting"] for each in report["problems"]])
        missing = self.state_of(report, "mount")
        self.assertEqual(missing["state"], "missing")
        self.assertIn("/no/such/place", missing["why"])
        self.assertIn("session.readonly_mounts", missing["hint"])

    def test_directories_that_cannot_be_used_are_a_problem(self):
        (self.home / "file").write_text("")
        report = self.report(f"--store.dir={self.home}/file", code=1)
        self.assertEqual([each["setting"] for each in report["problems"]], ["store.dir"])

    def test_settings_that_are_wrong_are_an_error_of_usage(self):
        shown, said = self.doctor("--isolation.minimum=steel", code=2)
        self.assertEqual(shown, "")
        self.assertIn("isolation.minimum", said)

    def test_without_its_launcher_it_says_what_is_not_installed(self):
        (self.home / "bin").mkdir()
        program = self.home / "bin" / "opencode-worker"
        shutil.copy(self.programs / "opencode-worker", program)
        (self.home / "bin").chmod(0o755)
        report = self.report(code=1, program=program)
        self.assertIn("opencode-worker-launcher", report["problems"][0]["message"])
        self.assertEqual(report["mechanisms"], [])

    def test_it_leaves_nothing_behind(self):
        before, mounts = self.tree(), pathlib.Path("/proc/self/mounts").read_text()
        self.doctor()
        self.doctor("--isolation.disable=mount,seccomp", "--isolation.minimum=container", code=1)
        self.assertEqual(self.tree(), before)
        self.assertEqual(pathlib.Path("/proc/self/mounts").read_text(), mounts)
        wait_until(lambda: not processes_with(self.marker), "its processes gone", 10)

    def test_engines_are_asked_for_their_version(self):
        place = self.home / "engines"
        place.mkdir()
        for name, lines in (("docker", 'echo "Docker version 9.8.7, build 1"'), ("podman", "exit 3")):
            (place / name).write_text(f"#!/bin/sh\n{lines}\n")
            (place / name).chmod(0o755)
        docker, podman = self.report(env={"PATH": f"{place}:/usr/bin:/bin"})["engines"]
        self.assertEqual((docker["path"], docker["version"]), (str(place / "docker"), "9.8.7"))
        self.assertEqual(podman["version"], "")
        self.assertIn("3", podman["problem"])
        for engine in self.report(env={"PATH": "/nonexistent"})["engines"]:
            self.assertEqual((engine["path"], engine["version"], engine["problem"]), ("", "", ""))


@unittest.skipUnless(os.geteuid() == 0, "becoming another user takes root")
class ReportOfAnotherUser(Report):
    user = USER

    def test_ids_of_their_own_are_for_roots_jobs(self):
        missing = self.state_of(self.report(), "own_uid")
        self.assertEqual(missing["state"], "missing")
        self.assertIn("root", missing["hint"])


@unittest.skipUnless(os.geteuid() == 0, "only root gives jobs ids of their own")
class ReportOfRoot(DoctorTest):

    def test_a_way_that_is_closed_to_jobs_costs_their_ids_and_no_more(self):
        self.home.chmod(0o700)
        report = self.report("--isolation.disable=mount")
        missing = self.state_of(report, "own_uid")
        self.assertEqual(missing["state"], "missing")
        self.assertRegex(missing["why"], "^a job cannot enter .*: Permission denied$")
        self.assertIn("session.base_dir", missing["hint"])
        self.assertEqual(self.state_of(report, "seccomp")["state"], "in_force")

    def test_in_a_root_of_its_own_a_job_needs_no_way(self):
        self.home.chmod(0o700)
        report = self.report()
        if report["tier"] == "namespace":
            self.assertEqual(self.state_of(report, "own_uid")["state"], "in_force")


class BesideANode(NodeTest):
    settings = ("--worker.concurrency=4",)

    def doctor(self, *words):
        ended = subprocess.run([BINARY, "doctor", "--json", *self.node.settings, *words], capture_output=True,
                               check=False, env=clean_environment(), timeout=DEADLINE_S)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        return json.loads(ended.stdout)

    def kept(self):
        return sorted(str(path) for path in self.node.state_dir.glob("*")) \
            + sorted(str(path) for path in self.node.base.glob("*"))

    def test_it_says_what_jobs_are_held_by(self):
        report = self.doctor()
        held = self.node.run(command="true", limits={"disk": "1MB"})["isolation"]
        self.assertEqual(report["tier"], held["tier"])
        in_force = [each["name"] for each in report["mechanisms"] if each["state"] == "in_force"]
        named = [layer for layer in held["layers"] if not layer.startswith("cgroup-")]
        self.assertEqual(in_force + report["always"], named)

    def test_the_node_tells_the_same(self):
        told = self.node.get("/v1/workers").json["workers"][0]
        held = self.node.run(command="true", limits={"disk": "1MB"})["isolation"]
        self.assertEqual(list(told["isolation"]), ["tier", "layers", "why_not"])
        self.assertEqual((told["isolation"]["tier"], told["isolation"]["layers"]), (held["tier"], held["layers"]))
        self.assertEqual(told["isolation_tier"], held["tier"])
        missing = [each["name"] + ": " + each["why"] for each in self.doctor()["mechanisms"]
                   if each["state"] == "missing"]
        self.assertLessEqual(set(told["isolation"]["why_not"]), set(missing))

    def test_a_running_node_and_its_jobs_are_left_alone(self):
        job = self.node.submit(command="echo on; read -r x; echo $x",
                               stdin={"content_base64": "", "open": True})
        wait_until(lambda: self.node.logs(job) == b"on\n", "the job to run")
        before, launcher = self.kept(), self.node.launcher()
        self.assertTrue(self.doctor()["ok"])
        self.assertEqual(self.kept(), before)
        self.assertEqual(self.node.launcher(), launcher)
        self.node.post(f"/v1/jobs/{job}/stdin?eof=1", b"off\n")
        self.assertEqual(self.node.result(job)["stdout"], "on\noff\n")
        self.assertEqual(self.node.run(command="echo next")["stdout"], "next\n")


if __name__ == "__main__":
    unittest.main()
