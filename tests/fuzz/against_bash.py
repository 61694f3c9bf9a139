#!/usr/bin/env python3
"""Runs random texts in bash, where every command is missing and leaves its name
in a file, and compares: what ran must be among the commands that the parser of
the command policy found. Names it does not know are left out, since the policy
refuses them.

  ./scripts/build release parsed_commands
  tests/fuzz/against_bash.py [SEED [TEXTS]]
"""

import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARSER = os.environ.get("OCW_PARSED_COMMANDS", str(ROOT / "build/release/bin/parsed_commands"))
NAMES = ["aa", "bb", "cc", "dd"]
WORDS = NAMES + ["x", "1", "-n", '"q r"', "'s t'", "a\\ b", "$v", '"$v"', "${v}", "*", "{a,b}", "#", "x#y",
                 "$'\\x61a'", '""', "~", "[a]", "!", "=", "a=b", "\\\n", "$", '"$"', "$#", "$((1+2))"]
REDIRECTIONS = ["> f", "2> f", ">> f", "2>&1", "< /dev/null", "&> f", ">| f", "3>&1", "<> f", "<&-", ">&-x"]
JUNK = list(" \n;&|()<>{}$`\"'\\#!*?[]=~") + ["$(", "<(", "${", "))", "<<E", "fi", "done", "esac", "}", "then",
                                              "E\n", "aa", "bb", "]]", "((", "in", "do", ";;", "]"]
SEPARATORS = [";", " && ", " || ", " | ", "\n", " & ", " |& ", "; ", "&&", "|", " # c\n", "; # ( \n"]
BODIES = ["$(bb)\n", "x\n", "`cc`\n", "$v \"\n", "' $(dd)\n", "\\$(aa)\n", "x\\\n", "\tE2\n", "${v:-$(bb)}\n",
          "(\n", "$(\n"]
HANDLER = 'command_not_found_handle() { printf "%s\\0" "$1" >> "$NAMES_FILE"; return 1; }\n'


class Writer:
    """Writes shell texts, most of them well formed."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, choices):
        return self.random.choice(choices)

    def word(self, depth):
        if depth <= 0 or self.random.random() < 0.4:
            return self.pick(WORDS)
        inner = self.pick([self.list, self.word])(depth - 1)
        return self.pick(["$(%s)", '"$(%s)"', "<(%s)", "$( (%s) )", "${v:-$(%s)}", '"x${v:-$(%s)}"', "$((1+$(%s)))",
                          "$(%s)x", "${v#$(%s)}", '"a`aa` b%.0s"', "`aa \\`bb\\`%.0s`", "$((1)+(2)%.0s)"]) % inner

    def simple(self, depth):
        chance = self.random.random
        parts = []
        if chance() < 0.15:
            parts.append("v=" + self.word(depth - 1))
        if chance() < 0.05:
            parts.append("v=(%s %s)" % (self.word(depth - 1), self.word(depth - 1)))
        if chance() < 0.05:
            parts.append(self.pick(REDIRECTIONS))
        parts.append(self.pick(NAMES))
        parts += [self.word(depth - 1) for _ in range(self.random.randint(0, 3))]
        if chance() < 0.15:
            parts.append(self.pick(REDIRECTIONS + ["<<< " + self.word(depth - 1), "> " + self.word(depth - 1)]))
        text = " ".join(parts)
        if chance() < 0.06:
            text += " <<" + self.pick(["E", "'E'", '"E"', "\\E", "-E", "-'E'"]) + "\n" + self.pick(BODIES)
            text += self.pick(["E\n", "\tE\nE\n"])
        return text

    def command(self, depth):
        if depth <= 0 or self.random.random() < 0.6:
            return self.simple(depth)
        shape = self.pick(["( L )", "(L)", "{ L; }", "if L; then L; fi", "if L\nthen L\nelse L\nfi",
                           "for i in W W; do L; done", "case W in W) L ;; *) L ;; esac",
                           "case x in (x|y) L;& z) L; esac", "f() { L; }; f", "function g { L; }\ng", "! L", "time L",
                           "[[ W == W ]]", "[[ x =~ ^(a|b)$ && -n W ]]", "((1+1))",
                           "for ((i=0;i<2;i++)); do L; done", "{ L; } > f", "until aa; do L; break; done"])
        return "".join(self.list(depth - 1) if c == "L" else self.word(depth - 1) if c == "W" else c for c in shape)

    def list(self, depth):
        text = self.command(depth)
        for _ in range(self.pick([0, 0, 0, 1, 1, 2])):
            text += self.pick(SEPARATORS) + self.command(depth)
        return text

    def text(self):
        text = self.list(self.random.randint(1, 3))
        for _ in range(self.pick([0, 0, 1, 2, 3])):
            at, from_ = self.random.randint(0, len(text)), self.random.randint(0, len(text))
            text = self.pick([text[:at] + self.pick(JUNK) + text[at:],
                              text[:at] + text[at + self.random.randint(1, 3):],
                              text[:at] + text[from_:from_ + self.random.randint(1, 8)] + text[at:]])
        return text


def parsed(texts):
    """For each text the names that the parser found, or None where it failed."""
    given = b"".join(text.encode() + b"\0" for text in texts)
    said = subprocess.run([PARSER], input=given, capture_output=True, check=True).stdout.decode(errors="replace")
    lines = said.split("\n")[:-1]
    assert len(lines) == len(texts)
    return [line.split()[1:] if line.startswith("parsed") else None for line in lines]


def names_run(text, directory, number):
    """The names of the commands that bash ran."""
    names = directory / f"names-{number}"
    work = directory / f"work-{number}"
    names.touch()
    work.mkdir()
    process = subprocess.Popen(["/bin/bash", "-c", text], cwd=work, start_new_session=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env={"PATH": "/nonexistent", "BASH_ENV": str(directory / "handler"),
                                    "NAMES_FILE": str(names)})
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    ran = names.read_text(errors="replace").split("\0")
    return {one.replace(" ", "_").replace("\n", "_") for one in ran if one}


def main():
    seed, count = (int(word) for word in (sys.argv[1:] + ["1", "4000"][len(sys.argv) - 1:])[:2])
    writer = Writer(seed)
    texts = [text for text in (writer.text() for _ in range(count)) if len(text) < 600]
    bad = ran = compared = 0
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        (directory / "handler").write_text(HANDLER)
        for number, (text, found) in enumerate(zip(texts, parsed(texts))):
            if found is None or "?" in found:
                continue
            names = names_run(text, directory, number)
            compared += 1
            ran += len(names)
            if names - set(found):
                bad += 1
                print(f"{text!r}: ran {sorted(names)}, parsed {found}")
    print(f"seed {seed}: {len(texts)} texts, {compared} compared, {ran} names ran, {bad} texts differ")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
