#!/usr/bin/env python3
"""Holds bench_client against a scripted node.

What the client measures is worth nothing if it miscounts, so this feeds it
every shape a message may arrive in, cut at awkward places, and then lies to
it: a gap, a duplicate, a wrong length must each end it with an error.

    bench/selftest.py PATH_TO_BENCH_CLIENT
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from harness.scripted_node import TOKEN, ScriptedNode, compact  # noqa: E402


class Story:
    """A job's events, as JSON texts."""

    def __init__(self, job_id):
        self.job_id = job_id
        self.texts = []
        self.length = 0
        self.seq = 0
        self.add("job_status", {"status": "job_start", "phase": "INIT"})

    def add(self, kind, data):
        self.seq += 1
        self.texts.append(compact({
            "type": kind, "job_id": self.job_id, "seq": self.seq,
            "timestamp": 1, "data": data}))

    def write(self, content, as_base64=False):
        data = {"stream": "stdout", "offset": self.length}
        if as_base64:
            data["chunk"] = base64.b64encode(content).decode()
            data["encoding"] = "base64"
        else:
            data["chunk"] = content.decode()
        self.add("job_output", data)
        self.length += len(content)

    def end(self, kind="job_complete"):
        self.add(kind, {"exit_code": 0, "artifacts": [{"x": [1, {"y": "]}"}]}],
                        "stdout_length": self.length, "stderr_length": 0})


def honest(job_id):
    story = Story(job_id)
    story.write(b'a "quoted" line\\\n\ttabbed\n')
    story.write("bell \u0007, nul \u0000, ümlaut, €, 😀\n".encode())
    # The same characters, escaped: two, three and four bytes.
    escaped = rb'"\u00fc\u20ac\ud83d\ude00\/"'
    size = len(json.loads(escaped).encode())
    story.seq += 1
    story.texts.append(
        b'{ "seq": %d, "data": {"chunk": %s, "offset": %d, "stream": '
        b'"stdout"}, "job_id": "%s" , "type": "job_output"}'
        % (story.seq, escaped, story.length, job_id.encode()))
    story.length += size
    for padding in range(3):
        story.write(bytes(range(256)) + b"\xff" * padding, as_base64=True)
    story.write(b"y" * 300)
    story.write(b"line\n" * 14000)
    story.write(b"\0" * 65536)
    story.end()
    return story


def gap(job_id):
    story = honest(job_id)
    del story.texts[2]
    return story


def duplicate(job_id):
    story = honest(job_id)
    story.texts.insert(2, story.texts[2])
    return story


def too_short(job_id):
    story = Story(job_id)
    story.write(b"twelve bytes")
    story.length += 1
    story.end()
    return story


def wrong_offset(job_id):
    story = Story(job_id)
    story.length = 1
    story.write(b"twelve bytes")
    story.end()
    return story


def failed(job_id):
    story = Story(job_id)
    story.end("job_error")
    return story


def timestamps(job_id):
    story = Story(job_id)
    lines = "".join(f"{time.monotonic_ns()}\n" for _ in range(30)).encode()
    story.write(lines[:100])
    story.write(lines[100:333], as_base64=True)
    story.write(lines[333:])
    story.end()
    return story


class Check:
    def __init__(self, client):
        self.client = client
        self.failures = 0
        with tempfile.NamedTemporaryFile("w", delete=False) as file:
            file.write(TOKEN + "\n")
        self.token_file = file.name

    def run(self, node, *arguments):
        mode, *rest = arguments
        done = subprocess.run(
            [self.client, mode, f"http://127.0.0.1:{node.port}",
             self.token_file, *rest], capture_output=True, timeout=60,
            check=False)
        node.listener.close()
        figures = json.loads(done.stdout) if done.returncode == 0 else None
        return figures, done.stderr.decode().strip()

    def expect(self, what, holds, detail=""):
        print(("ok      " if holds else "FAILED  ") + what +
              ("" if holds else f": {detail}"))
        self.failures += not holds

    def honest_streams(self):
        size = honest("x").length
        for piece in (1, 2, 3, 7, 64, 4000):
            for channel in ("ws", "sse"):
                node = ScriptedNode(honest, piece)
                figures, error = self.run(node, "stream", "head", "1", channel)
                self.expect(f"{channel} in pieces of {piece}: every byte counts",
                            figures and figures["bytes"] == size, error)
                if channel == "ws":
                    self.expect("pings are answered", node.pongs > 0)
        figures, error = self.run(ScriptedNode(honest, 100), "stream", "head",
                                  "1", "ws", "5")
        self.expect("five subscribers", figures and figures["bytes"] == 5 * size,
                    error)

    def lies(self):
        for lie in (gap, duplicate, too_short, wrong_offset, failed):
            for channel in ("ws", "sse"):
                figures, error = self.run(ScriptedNode(lie, 4000), "stream",
                                          "head", "1", channel)
                self.expect(f"{channel}: {lie.__name__} is noticed ({error[:60]})",
                            figures is None)

    def the_rest(self):
        figures, error = self.run(ScriptedNode(timestamps, 5), "fbw", "30", "1")
        self.expect("lines cut between events keep their time",
                    figures and figures["lines"] == 10, error)
        figures, error = self.run(ScriptedNode(honest, 3), "jobs", "50", "4")
        self.expect("answers in pieces of three",
                    figures and figures["jobs"] == 50, error)
        figures, _ = self.run(
            ScriptedNode(honest, 99, b'{"exit_code":1,"job_id":"x"}'),
            "jobs", "50", "4")
        self.expect("a job that failed is noticed", figures is None)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    check = Check(sys.argv[1])
    try:
        check.honest_streams()
        check.lies()
        check.the_rest()
    finally:
        os.unlink(check.token_file)
    return 1 if check.failures else 0


if __name__ == "__main__":
    sys.exit(main())
