"""`security.exec_policy: allowlist`, from outside: what a job tries in order to
run a program that is not listed. Each way is tried with the policy off, where
all of them have to work, else the test would prove nothing, and with it on."""

import base64
import glob
import json
import os
import pathlib
import shutil
import tempfile
import unittest

from harness import SEES_THE_MACHINE, Node, run_binary

# The programs of the list; `id`, which is forbidden, and `false` are not.
LISTED = ["bash", "sh", "cat", "ls", "cp", "ln", "chmod", "echo", "env", "find", "xargs", "awk", "sed", "tar", "git",
          "base64", "sort", "grep", "wc", "mkdir", "mv", "rm", "head", "touch", "python3"]
ALLOWLIST = ("--security.exec_policy=allowlist", "--security.command_allowlist=" + ",".join(LISTED))
LOADER = next(iter(glob.glob("/lib64/ld-linux-x86-64.so.2") + glob.glob("/lib/ld-linux-aarch64.so.1")), "")
LIBRARY = next(iter(glob.glob("/lib/*-linux-gnu/libm.so.6") + glob.glob("/lib64/libm.so.6")), "")
RACE_TRIES = 1500

PYTHON = {
    "memfd": """
import os
fd = os.memfd_create("x", 0)
os.write(fd, open("uploaded", "rb").read())
os.execve(fd, ["id"], {})
""",
    "descriptor": """
import os
os.execve(os.open("/usr/bin/id", os.O_PATH), ["id"], {})
""",
    "library": """
import ctypes
ctypes.CDLL("./library.so")
print("uid= loaded")
""",
    # vm.memfd_noexec does not stop these two: the loader reads, it does not execute.
    "loaded_memfd": f"""
import os
fd = os.memfd_create("x", 8)
os.write(fd, open("uploaded", "rb").read())
os.set_inheritable(fd, True)
os.execve("{LOADER}", ["ld.so", f"/proc/self/fd/{{fd}}"], {{}})
""",
    "library_in_memfd": """
import ctypes, os
fd = os.memfd_create("x", 8)
os.write(fd, open("library.so", "rb").read())
ctypes.CDLL(f"/proc/self/fd/{fd}")
print("uid= loaded")
""",
    "race": f"""
import os, threading
os.symlink("/usr/bin/true" if os.path.exists("/usr/bin/true") else "/bin/true", "good")
os.symlink("other", "bad")
stopped = False
def flip():
    while not stopped:
        for link in "good", "bad":
            os.symlink(os.readlink(link), "next")
            os.replace("next", "path")
os.symlink("good", "path")
flipper = threading.Thread(target=flip)
flipper.start()
wins = starts = 0
for _ in range({RACE_TRIES}):
    try:
        pid = os.posix_spawn("path", ["path"], {{}})
    except OSError:
        continue
    starts += 1
    wins += os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
stopped = True
flipper.join()
print(wins, starts)
""",
}

# A way each: what it is, and the command. All print the word "uid=".
WAYS = {
    "list": "ls; id",
    "and": "ls && id",
    "or": "ls /nothing || id",
    "background": "echo x & id",
    "newline": "echo x\nid",
    "xargs": "echo -u | xargs id | sed s/^/uid=/ | grep '=[0-9]'",
    "find": "find . -maxdepth 0 -exec id \\;",
    "env": "env id",
    "awk": "awk 'BEGIN { system(\"id\") }'",
    "sed": "echo x > f; sed '1e id' f",
    "tar": "tar -cf t.tar --checkpoint=1 --checkpoint-action=exec=id uploaded",
    "git alias": "git -c alias.x='!id' x",
    "git ssh": "env GIT_SSH_COMMAND='id >&2; :' git ls-remote ssh://x/y 2>&1",
    "substitution": "cat <(id)",
    "glob": "echo; /usr/bin/i[d]",
    "variable": "echo; x=id; $x",
    "eval": "echo; eval i''d",
    "pipe": "echo aWQK | base64 -d | bash",
    "here-document": "bash <<'E'\nid\nE",
    "function": "ls() { id; }; ls",
    "exec": "exec id",
    "python": "python3 -c 'import os; os.system(\"id\")'",
    "script": "printf '#!/usr/bin/id\\n' > s; chmod 755 s; ./s 2>&1 | sed -n 's/.*no such user/uid=/p'",
    "copy": "cp /usr/bin/id c; ./c",
    "symbolic link": "ln -s /usr/bin/id l; ./l",
    "hard link": "ln /usr/bin/id h; ./h",
    "loader": f"{LOADER} /usr/bin/id",
    "loader on a copy": f"cp /usr/bin/id c; {LOADER} ./c",
    "loader on a copy elsewhere": f"cp /usr/bin/id $TMPDIR/c; {LOADER} $TMPDIR/c",
    "memfd": "python3 memfd.py",
    "descriptor": "python3 descriptor.py",
    "uploaded": "./uploaded",
    "uploaded, by the loader": f"{LOADER} ./uploaded",
    "library": "python3 library.py",
    "preload": "LD_PRELOAD=$PWD/library.so cat /proc/self/maps | sed -n 's/.*r-xp.*library.so/uid=/p'",
    "source": "echo 'echo uid= a builtin' > f; . ./f",
}
# Found since: each gets around vm.memfd_noexec or a list of directories.
MORE_WAYS = {
    "memfd, by the loader": "python3 loaded_memfd.py",
    "library in a memfd": "python3 library_in_memfd.py",
    "other places": "for d in $TMPDIR $OUTPUT_DIR; do cp uploaded $d/u; $d/u && break; done",
    "shared memory": "cp uploaded /dev/shm/u; /dev/shm/u; rm -f /dev/shm/u",
    "loader with a library path": f"{LOADER} --library-path . ./uploaded",
}
NO_EXEC_AT_ALL = {"source"}


def upload():
    def of(data, mode="0644"):
        return {"content_base64": base64.b64encode(data).decode(), "mode": mode}
    files = {name + ".py": of(text.encode()) for name, text in PYTHON.items()}
    files["uploaded"] = of(pathlib.Path("/usr/bin/id").read_bytes(), "0755")
    files["other"] = of(pathlib.Path("/usr/bin/false").read_bytes(), "0755")
    files["library.so"] = of(pathlib.Path(LIBRARY).read_bytes(), "0755")
    return files


def can_hold():
    """Whether this machine has all that the policy is made of."""
    report = json.loads(run_binary("doctor", "--json", "--state_dir=/tmp/ocw-no-such").stdout or b"{}")
    in_force = [each["name"] for each in report.get("mechanisms", []) if each["state"] == "in_force"]
    return report.get("landlock_abi", 0) > 0 and {"mount", "pid", "seccomp", "no_new_privs"} <= set(in_force)


class ExecTest(unittest.TestCase):
    settings = ()

    @classmethod
    def setUpClass(cls):
        if not LOADER or not LIBRARY:
            raise unittest.SkipTest("the loader of this machine is not known here")
        cls.node = Node(*cls.settings)
        cls.addClassCleanup(cls.node.close)

    def ways_that_work(self, ways):
        worked = set()
        for name, command in ways.items():
            result = self.node.run(command=command, files=upload())
            if "uid=" in result["stdout"]:
                worked.add(name)
        return worked

    def stdin_is_run(self):
        data = pathlib.Path("/usr/bin/id").read_bytes()
        result = self.node.run(command=f"{LOADER} /proc/self/fd/0", stdin={
            "content_base64": base64.b64encode(data).decode()})
        return "uid=" in result["stdout"]

    def race(self):
        result = self.node.run(command="python3 race.py", files=upload())
        self.assertEqual(result["exit_code"], 0, result)
        return [int(word) for word in result["stdout"].split()]


class AnythingGoes(ExecTest):
    """The control: the ways are ways."""

    settings = SEES_THE_MACHINE

    def test_every_way_leads_to_the_program(self):
        ways = {**WAYS, **MORE_WAYS}
        self.assertEqual(len(WAYS), 36)
        self.assertEqual(set(ways) - self.ways_that_work(ways), set())
        self.assertTrue(self.stdin_is_run())

    def test_the_race_can_be_won(self):
        wins, starts = self.race()
        self.assertGreater(wins, 0, starts)


@unittest.skipUnless(can_hold(), "no namespaces, seccomp or Landlock: nothing could hold the policy here")
class Allowlist(ExecTest):
    settings = ALLOWLIST

    def test_the_layer_is_there(self):
        layers = self.node.run(command="true")["isolation"]["layers"]
        self.assertLessEqual({"noexec", "exec_allowlist"}, set(layers))
        self.assertNotIn("exec_direct", layers)
        self.assertEqual(self.node.run(command=":", require=["exec_allowlist"])["exit_code"], 0)

    def test_no_way_leads_to_a_program_that_is_not_listed(self):
        self.assertEqual(self.ways_that_work({**WAYS, **MORE_WAYS}), NO_EXEC_AT_ALL)
        self.assertFalse(self.stdin_is_run())

    def test_the_race_is_not_won(self):
        wins, starts = self.race()
        self.assertEqual(wins, 0)
        self.assertGreater(starts, 0, "the allowed program was not started either")

    def test_listed_programs_work(self):
        work = {
            "ls /usr/bin/bash": "/usr/bin/bash\n",
            "echo b > f; echo a >> f; sort f | head -1": "a\n",
            "printf 'x\\ny\\n' | grep -c y": "1\n",
            "echo abc | sed s/b/-/": "a-c\n",
            "echo 1 2 | awk '{ print $2 }'": "2\n",
            "python3 -c 'print(6 * 7)'": "42\n",
            "python3 -c 'import ctypes, json, hashlib, ssl; print(ctypes.CDLL(\"libm.so.6\") is not None)'": "True\n",
            "python3 -c 'import subprocess; print(subprocess.check_output([\"echo\", \"x\"]))'": "b'x\\n'\n",
            "echo 'echo $1' > s; bash s word": "word\n",
            "echo 'echo own' > s; sh ./s": "own\n",
            "mkdir d; echo x > d/f; tar cf t d; rm -r d; tar xf t; cat d/f": "x\n",
            "mkdir a b; echo x > a/f; mv a/f b/g; cat b/g": "x\n",
            "find . -name f -o -name uploaded | wc -l": "0\n",
            "git init -q r && cd r && git -c user.name=a -c user.email=b commit -q --allow-empty -m x && "
            "git log --format=%s": "x\n",
            "echo x > $OUTPUT_DIR/f; env A=1 bash -c 'echo $A'": "1\n",
        }
        self.assertGreaterEqual(len(work), 14)
        for command, expected in work.items():
            with self.subTest(command=command):
                result = self.node.run(command=command)
                self.assertEqual((result["stdout"], result["exit_code"]), (expected, 0), result["stderr"])

    def test_standard_input_still_comes_whole(self):
        data = os.urandom(3 << 20)
        result = self.node.run(command="wc -c", stdin={"content_base64": base64.b64encode(data).decode()})
        self.assertEqual(result["stdout"].strip(), str(len(data)))

    def test_only_listed_programs_are_there(self):
        seen = self.node.run(command="ls /usr/bin /usr/sbin /usr/local/bin /usr/libexec 2> /dev/null")["stdout"].split()
        self.assertIn("bash", seen)
        self.assertNotIn("id", seen)
        self.assertLess(len([word for word in seen if not word.startswith("/")]), 2 * len(LISTED))

    def test_nothing_that_a_job_can_write_can_be_executed(self):
        result = self.node.run(command="cat /proc/self/mounts; echo; for d in $PWD $TMPDIR $OUTPUT_DIR /tmp /dev/shm; "
                                       "do touch $d/f && rm $d/f || echo $d; done")
        mounts, failed = result["stdout"].split("\n\n")
        self.assertEqual(failed, "")
        # The last one at a place is what shows there.
        options = {line.split()[1]: line.split()[3].split(",") for line in mounts.splitlines()}
        # Devices are mounts of their own for a node that is not root; they are no files.
        self.assertEqual([place for place, has in options.items() if "rw" in has and "noexec" not in has
                          and not pathlib.Path(place).is_char_device()], [])

    def test_build_then_run_is_refused_by_the_kernel(self):
        result = self.node.run(command="./uploaded", files=upload())
        self.assertEqual(result["exit_code"], 126, result)
        self.assertIn("Permission denied", result["stderr"])

    def test_programs_among_libraries_cannot_be_executed_directly(self):
        programs = [path for path in glob.glob("/usr/lib/git-core/git-*") if os.access(path, os.X_OK)
                    and not os.path.islink(path)]
        if not programs:
            self.skipTest("git keeps no programs in /usr/lib/git-core here")
        result = self.node.run(command=programs[0] + " --version")
        self.assertEqual(result["exit_code"], 126, result)
        self.assertIn("Permission denied", result["stderr"])

    def refused(self, field, word, **request):
        reply = self.node.post("/v1/jobs", request)
        self.assertEqual((reply.status, reply.json["code"]), (422, "policy_denied"), reply.body)
        self.assertEqual(reply.json["details"]["field"], field)
        self.assertIn(f"'{word}' (rule security.exec_policy)", reply.json["error"])

    def test_a_job_whose_own_program_is_not_listed_is_refused(self):
        for word in ("id", "/usr/bin/id", "./uploaded", "/opt/bash", "/usr/lib/bash", "bash/"):
            with self.subTest(word=word):
                self.refused("argv", word, argv=[word])
        for word in ("echo", "/usr/bin/echo", "/bin/echo"):
            with self.subTest(word=word):
                self.assertEqual(self.node.run(argv=[word, "x"])["stdout"], "x\n")

    def test_run_ends_with_126(self):
        there = ("--url", self.node.url, "--token-file", str(self.node.state_dir / "token"))
        ended = run_binary("run", *there, "--", "id")
        self.assertEqual(ended.returncode, 126, ended.stderr)
        self.assertIn(b"'id' (rule security.exec_policy)", ended.stderr)


@unittest.skipUnless(can_hold(), "no namespaces, seccomp or Landlock: nothing could hold the policy here")
@unittest.skipUnless(os.access("/srv", os.W_OK), "no place outside of /tmp to make directories in")
class OtherPlaces(unittest.TestCase):
    def test_workspaces_and_readonly_mounts_hold_no_programs(self):
        top = pathlib.Path(tempfile.mkdtemp(prefix="ocw-e2e-", dir="/srv"))
        self.addCleanup(shutil.rmtree, top)
        top.chmod(0o755)
        for name in ("work", "shown"):
            (top / name).mkdir()
            shutil.copy("/usr/bin/id", top / name / "copy")
        node = Node(*ALLOWLIST, f"--session.workspace_roots={top}", f"--session.readonly_mounts={top}/shown")
        self.addCleanup(node.close)
        result = node.run(command=f"for p in ./copy {top}/shown/copy; do $p; echo $?; {LOADER} $p; echo $?; "
                                  "wc -c < $p; done", workspace=str(top / "work"))
        size = str((top / "work" / "copy").stat().st_size)
        self.assertEqual(result["stdout"].split(), ["126", "127", size] * 2, result)


@unittest.skipUnless(can_hold(), "no namespaces, seccomp or Landlock: nothing could hold the policy here")
class WithoutAShell(ExecTest):
    settings = ("--security.exec_policy=allowlist", "--security.command_allowlist=echo")

    def test_a_command_needs_its_shell_on_the_list(self):
        reply = self.node.post("/v1/jobs", {"command": "echo x"})
        self.assertEqual((reply.status, reply.json["code"]), (422, "policy_denied"), reply.body)
        self.assertRegex(reply.json["error"], r"'/bin/(ba)?sh' \(rule security.exec_policy\)")
        self.assertEqual(self.node.run(argv=["echo", "x"])["stdout"], "x\n")


# Without a root of its own, as in a container that may not make namespaces.
LANDLOCK_TIER = "--isolation.disable=mount,pid,userns,ipc,uts,net"


@unittest.skipUnless(can_hold(), "no namespaces, seccomp or Landlock: nothing could hold the policy here")
class Direct(ExecTest):
    """The weaker form: what docs/command-policy.md names as its holes, and no more."""

    settings = ("--security.exec_policy=allowlist_direct", ALLOWLIST[1], LANDLOCK_TIER)
    holes = {"uploaded, by the loader", "library", "preload", "loader with a library path", "source"}

    def test_it_has_a_name_of_its_own(self):
        layers = self.node.run(command="true")["isolation"]["layers"]
        self.assertIn("exec_direct", layers)
        self.assertNotIn("exec_allowlist", layers)
        reply = self.node.post("/v1/jobs", {"command": ":", "require": ["exec_allowlist"]})
        self.assertEqual((reply.status, reply.json["code"]), (422, "isolation_unavailable"))

    def test_only_the_known_ways_are_open(self):
        self.assertEqual(self.ways_that_work({**WAYS, **MORE_WAYS}), self.holes)
        self.assertFalse(self.stdin_is_run())

    def test_the_race_is_not_won(self):
        self.assertEqual(self.race()[0], 0)

    def test_listed_programs_work(self):
        result = self.node.run(command="mkdir a b; echo x > a/f; mv a/f b/g; python3 -c 'print(open(\"b/g\").read())' | "
                                       "sort | grep x && git init -q r && ls /usr/bin/bash")
        self.assertEqual((result["stdout"], result["exit_code"]), ("x\n/usr/bin/bash\n", 0), result)

    def test_main_programs_are_judged_as_well(self):
        reply = self.node.post("/v1/jobs", {"argv": ["id"]})
        self.assertEqual((reply.status, reply.json["code"]), (422, "policy_denied"))


@unittest.skipUnless(can_hold(), "no namespaces, seccomp or Landlock: nothing could hold the policy here")
class WhereItCannotBeHeld(unittest.TestCase):
    def refused(self, policy, disabled):
        node = Node(f"--security.exec_policy={policy}", ALLOWLIST[1], f"--isolation.disable={disabled}")
        try:
            reply = node.post("/v1/jobs", {"command": "ls"})
            self.assertEqual((reply.status, reply.json["code"]), (422, "isolation_unavailable"), reply.body)
            self.assertIn(f"security.exec_policy is {policy}", reply.json["error"])
        finally:
            node.close()

    def test_jobs_are_refused(self):
        for disabled in ("exec_allowlist", "noexec", "landlock", "seccomp", "no_new_privs",
                         "mount,pid,userns,ipc,uts,net"):
            with self.subTest(disabled=disabled):
                self.refused("allowlist", disabled)
        for disabled in ("mount,pid,userns,ipc,uts,net,landlock", "mount,pid,userns,ipc,uts,net,exec_direct"):
            with self.subTest(disabled=disabled):
                self.refused("allowlist_direct", disabled)

    def doctor(self, *settings):
        ended = run_binary("doctor", "--json", "--state_dir=/tmp/ocw-no-such", *settings)
        report = json.loads(ended.stdout)
        return ended, {each["name"]: each for each in report["mechanisms"]}

    def test_doctor_says_so(self):
        ended, mechanisms = self.doctor("--security.exec_policy=allowlist", "--isolation.disable=noexec")
        self.assertEqual((ended.returncode, mechanisms["exec_allowlist"]["why"]), (1, "needs noexec"))
        self.assertIn(b"security.exec_policy", ended.stderr + ended.stdout)
        self.assertTrue(mechanisms["exec_allowlist"]["hint"])
        ended, mechanisms = self.doctor("--security.exec_policy=allowlist")
        self.assertEqual((ended.returncode, mechanisms["exec_allowlist"]["state"]), (0, "in_force"))

    def test_nothing_is_done_where_no_setting_asks_for_it(self):
        mechanisms = self.doctor()[1]
        for name in ("noexec", "exec_allowlist", "exec_direct"):
            self.assertEqual(mechanisms[name]["state"], "off")


if __name__ == "__main__":
    unittest.main()
