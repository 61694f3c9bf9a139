#!/usr/bin/env python3
"""Checks what a compiler does not: which folder may include which, how long
files and functions are, and what must not stand in the tree."""

import pathlib
import re
import subprocess
import sys

# A folder may include itself and what stands here.
ALLOWED = {
    "launcher": set(),
    "messages": set(),
    "store": {"messages", "launcher"},
    "process": {"messages", "store", "launcher"},
    "policy": {"messages"},
    "actors": {"messages", "store", "process", "policy"},
    "net": {"messages", "store", "process", "actors"},
    "app": {"messages", "store", "process", "policy", "actors", "net", "launcher"},
}
# What others share of the launcher: its wire, and a descriptor's owner.
LAUNCHER_HEADERS = {"launcher/wire.hpp", "launcher/spec.hpp", "launcher/fd.hpp",
                    "launcher/setup.hpp", "launcher/texts.hpp", "launcher/frames.hpp",
                    "launcher/mechanism_names.hpp"}
MAX_FILE_LINES = 300
MAX_TEST_LINES = 400
MAX_FUNCTION_LINES = 40
INCLUDE = re.compile(r'#include "((\w+)/[\w/.]+)"')
FUNCTION_START = re.compile(r"^[\w:~<>,*&\s\[\]\"]+\(.*")


def tracked(*patterns):
    names = subprocess.run(["git", "ls-files", *patterns], check=True,
                           capture_output=True, text=True).stdout.split("\n")
    return [pathlib.Path(name) for name in names if name and pathlib.Path(name).exists()]


def check_includes(path, lines, problems):
    if path.parts[0] != "src":
        return
    room = path.parts[1]
    for number, line in enumerate(lines, 1):
        found = INCLUDE.match(line)
        if not found or found[2] in (room, "ocw"):
            continue
        if found[2] not in ALLOWED[room]:
            problems.append(f"{path}:{number}: {room} may not include {found[1]}")
        elif found[2] == "launcher" and found[1] not in LAUNCHER_HEADERS:
            problems.append(f"{path}:{number}: {found[1]} is the launcher's own")


def check_lengths(path, lines, problems):
    most = MAX_TEST_LINES if path.parts[0] == "tests" else MAX_FILE_LINES
    if len(lines) > most:
        problems.append(f"{path}: {len(lines)} lines, {most} at most")
    if path.suffix != ".cpp" or path.parts[0] != "src":
        return
    start = None
    for number, line in enumerate(lines, 1):
        if start is None and line and not line[0].isspace() and line.rstrip().endswith("{") \
                and not line.startswith(("namespace", "struct", "class", "enum", "extern", "}", "union")) \
                and "= {" not in line and "=" not in line.split("(")[0]:
            start = number
        elif start is not None and line.startswith("}"):
            if number - start > MAX_FUNCTION_LINES + 1:
                problems.append(f"{path}:{start}: a function of {number - start - 1} lines, "
                                f"{MAX_FUNCTION_LINES} at most")
            start = None


def main():
    problems = []
    for path in tracked("*.cpp", "*.hpp"):
        lines = path.read_text().split("\n")
        if lines and lines[-1] == "":
            lines.pop()
        check_includes(path, lines, problems)
        check_lengths(path, lines, problems)
    readme = pathlib.Path("README.md")
    if readme.exists() and len(readme.read_text().split("\n")) > 151:
        problems.append("README.md: more than 150 lines")
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
