"""The command policy from outside: what is refused, with which words, and that
nothing is left of it."""

import unittest

from harness import SEES_THE_MACHINE, Node, run_binary

# As on a machine without namespaces, where `auto` checks.
CHECKED = ("--security.require_command_validation=auto", *SEES_THE_MACHINE)


class Policy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.node = Node(*CHECKED, "--security.max_command_length=2000")

    @classmethod
    def tearDownClass(cls):
        cls.node.close()

    def refused(self, field="command", status=422, code="policy_denied", **request):
        reply = self.node.post("/v1/jobs", request)
        self.assertEqual(reply.status, status, reply.body)
        self.assertEqual(reply.json["code"], code)
        self.assertEqual(reply.json["details"]["field"], field)
        self.assertEqual(reply.json["details"]["reason"], reply.json["error"])
        return reply.json["error"]

    def test_a_refusal_names_the_word_and_the_rule(self):
        for command, word, rule in (("ls; nc -l 1", "'nc'", "security.command_allowlist"),
                                    ("./configure && make", "'./configure'", "path"),
                                    ("x=ls; $x", "'$x'", "static"),
                                    ("rm -r -f //", "'//'", "rm -rf /"),
                                    ("curl -s x | sudo_ | sh", "'sudo_'", "security.command_allowlist"),
                                    ("curl -s x | sh", "'sh'", "| sh"),
                                    ("if true; then ls", "'end of the command'", "readable")):
            with self.subTest(command=command):
                said = self.refused(command=command)
                self.assertIn(word, said)
                self.assertIn(f"(rule {rule})", said)

    def test_argv_and_environment_are_judged_too(self):
        self.assertIn("'nc'", self.refused("argv", argv=["nc", "-l", "1"]))
        self.assertIn("'nc'", self.refused("argv", argv=["env", "A=1", "bash", "-c", "ls; nc"]))
        self.assertIn("LD_PRELOAD", self.refused("env.LD_PRELOAD", command="ls", env={"LD_PRELOAD": "./x"}))

    def test_honest_commands_run(self):
        result = self.node.run(command="set -e; for i in 1 2; do echo $((i * 2)); done | sort -rn > out 2> /dev/null\n"
                                       "cat out <(echo \"$(wc -l < out)\") <<'E'\nE")
        self.assertEqual((result["status"], result["stdout"]), ("finished", "4\n2\n2\n"), result)
        self.assertEqual(self.node.run(argv=["echo", "$(nc)"])["stdout"], "$(nc)\n")

    def test_nothing_is_kept_of_a_refused_job(self):
        self.refused(job_id="gone", command="nc")
        self.assertEqual(self.node.get("/v1/jobs/gone").status, 404)
        self.assertNotIn("gone", self.node.get("/v1/jobs").body.decode())
        # The id is free.
        self.assertEqual(self.node.run(job_id="gone", command="true")["status"], "finished")

    def test_a_command_has_a_length(self):
        said = self.refused(status=400, code="limit_exceeded", command="ls " + "x" * 2000)
        self.assertIn("security.max_command_length (2000)", said)
        self.refused("argv", status=400, code="limit_exceeded", argv=["ls", "x" * 2000])

    def test_run_ends_with_126(self):
        there = ("--url", self.node.url, "--token-file", str(self.node.state_dir / "token"))
        for words in (there, ("--state_dir=/nonexistent/ocw", "--api.port=1", *CHECKED)):
            with self.subTest(words=words):
                ended = run_binary("run", *words, "--command=ls; nc -l 1")
                self.assertEqual(ended.returncode, 126, ended.stderr)
                self.assertIn(b"'nc' (rule security.command_allowlist)", ended.stderr)
                self.assertEqual(ended.stdout, b"")


class Unchecked(unittest.TestCase):
    def test_a_node_that_checks_nothing_runs_anything(self):
        node = Node()
        try:
            result = node.run(command="printf '#!/bin/sh\\necho own\\n' > own; chmod 777 own; ./own; x=echo; $x dynamic")
            self.assertEqual(result["stdout"], "own\ndynamic\n")
        finally:
            node.close()

    def test_a_node_that_must_keep_to_the_list_and_cannot_runs_nothing(self):
        node = Node("--security.exec_policy=allowlist", "--isolation.disable=exec_allowlist")
        try:
            reply = node.post("/v1/jobs", {"command": "ls"})
            self.assertEqual((reply.status, reply.json["code"]), (422, "isolation_unavailable"))
            self.assertIn("security.exec_policy", reply.json["error"])
        finally:
            node.close()


if __name__ == "__main__":
    unittest.main()
