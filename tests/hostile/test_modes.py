"""What each mode has to hold, and that what is told of it is the truth."""

import os
import pathlib
import subprocess
import unittest

from hostile import (AS_USER, CONTAINER, ROOT, HostileNode, HostileTest, in_modes)

NAMESPACES = {"userns", "mount", "pid", "ipc", "uts", "net"}
ALWAYS = {"seccomp", "no_new_privs", "process_group", "subreaper", "rlimits", "clean_environment"}
CGROUPS = {"cgroup_memory", "cgroup_cpu", "cgroup_pids", "cgroup_kill"}


def can(*command):
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


class Mode(HostileTest):
    """Every other test takes what is reported for granted, so here it is compared with what this
    machine can be seen to give."""

    def expected(self):
        if self.mode == CONTAINER:
            return "landlock", ALWAYS | {"landlock", "no_inet", "own_uid"}, NAMESPACES | CGROUPS
        if self.mode == AS_USER:
            return "namespace", ALWAYS | NAMESPACES, CGROUPS | {"own_uid"}
        return "namespace", ALWAYS | NAMESPACES | CGROUPS | {"own_uid"}, set()

    def test_it_holds_what_this_machine_gives(self):
        if self.mode == ROOT and not can("unshare", "-m", "true"):
            self.skipTest("root has no mount namespaces here")
        if self.mode == AS_USER and not can("setpriv", "--reuid=1001", "--clear-groups", "unshare", "-Um", "true"):
            self.skipTest("users have no user namespaces here")
        if self.mode == CONTAINER and not pathlib.Path("/sys/kernel/security/landlock").exists() \
                and self.node.isolation()["tier"] == "process":
            self.skipTest("this kernel has no Landlock")
        tier, holds, lacks = self.expected()
        told = self.node.isolation()
        self.assertEqual(told["tier"], tier, told)
        if not os.access("/sys/fs/cgroup/memory/cgroup.procs", os.W_OK):
            holds -= CGROUPS
        self.assertLessEqual(holds, set(told["layers"]), told)
        self.assertEqual(lacks & set(told["layers"]), set())
        # What is only for jobs with a limit is in force for such a job.
        limited = self.node.run(command="true", limits={"disk": "16MB", "memory": "64MB"})
        self.assertEqual(limited["isolation"],
                         {"tier": told["tier"], "layers": told["layers"]})

    def test_what_is_missing_has_a_reason(self):
        _, _, lacks = self.expected()
        explained = {line.split(":")[0] for line in self.node.isolation()["why_not"]}
        self.assertLessEqual(lacks - {"own_uid"}, explained)

    def test_what_is_required_and_missing_is_refused(self):
        layers = set(self.node.layers()) | {self.node.isolation()["tier"]}
        for wanted in sorted(NAMESPACES | CGROUPS | {"namespace", "landlock"}):
            with self.subTest(wanted):
                reply = self.node.post("/v1/jobs?wait=30", {"command": "true", "require": [wanted]})
                if wanted in layers:
                    self.assertEqual((reply.status, reply.json["status"]), (201, "finished"))
                else:
                    self.assertEqual((reply.status, reply.json["code"]), (422, "isolation_unavailable"))
                    self.assertIn(wanted, reply.json["error"])
                    self.assertEqual(self.node.get("/v1/jobs").json["jobs"][0]["status"], "finished")


class InARestrictedContainer(unittest.TestCase):

    @unittest.skipUnless(os.geteuid() == 0, "mode container takes root")
    def test_a_minimum_that_is_not_met_keeps_the_node_from_starting(self):
        with self.assertRaisesRegex(AssertionError, "isolation.minimum asks for tier namespace.*landlock"):
            HostileNode(CONTAINER, "--isolation.minimum=namespace").close()


in_modes(globals(), Mode)

if __name__ == "__main__":
    unittest.main()
