"""Scenarios about speed: short jobs, streams, the first byte, the queue."""

import os
from contextlib import contextmanager

from harness.engine import Check, Scenario
from harness.isolation import no_isolation
from harness.jobs import JOB_METRICS, ROOM, node_jobs, raw_jobs
from harness.node import Node, run_json

STREAM_METRICS = {"mb_per_s": "MB/s", "cpu_s_per_gb": "own CPU s/GB"}
LATENCY_METRICS = {"p50_us": "p50 µs", "p99_us": "p99 µs"}
MIB = 1 << 20

class Rates:
    """Builds scenarios around one node that serves all of them."""

    def __init__(self, suite, node):
        self.suite = suite
        self.node = node
        self.raw = suite.programs.raw

    # -- short jobs -----------------------------------------------------------

    @contextmanager
    def jobs(self, in_flight, total):
        row = Scenario(f"jobs-{in_flight}",
                       f"short jobs, {in_flight} in flight", JOB_METRICS)
        total = self.suite.scaled(total)
        row.variants = {
            "raw": lambda: raw_jobs(self.raw, total, in_flight),
            "node": lambda: node_jobs(self.node, total, in_flight),
            "node, command": lambda: node_jobs(self.node, total, in_flight,
                                               "command"),
        }
        if in_flight == 1:
            row.checks = [Check("round trip of true, p50", "p50_us", "≤", 2,
                                is_ratio=True)]
        if in_flight == 16:
            row.checks = [Check("short jobs/s, 16 in flight", "jobs_per_s",
                                "≥", 0.6, is_ratio=True)]
        if in_flight > 16:
            yield row
            return
        with self.suite.peers() as (ready, skipped):
            row.skipped = skipped
            for peer in ready:
                row.variants[peer.name] = (
                    lambda peer=peer: peer.measure(in_flight))
            yield row

    # -- streams --------------------------------------------------------------

    def _relay(self, kind, *arguments):
        return run_json([self.raw, "relay", kind, *map(str, arguments)])

    def _keeping_relay(self, kind, *arguments):
        """A relay that keeps what it passes on, where the node keeps it."""
        path = os.path.join(self.suite.places.disk, "relayed")
        try:
            return self._relay(kind, *arguments, path)
        finally:
            os.unlink(path)

    def _node_stream(self, kind, size, channel, subscribers):
        figures = self.node.measured_client("stream", kind, size, channel,
                                            subscribers)
        gigabytes = figures["bytes"] / 1e9
        figures["cpu_s_per_gb"] = figures.pop("node_cpu_s") / gigabytes
        del figures["all_cpu_s"]
        return figures

    @contextmanager
    def stream(self, kind, limit):
        size = self.suite.scaled(512) * MIB
        title = {"head": "head -c SIZE /dev/zero, 4 KiB per write",
                 "lines": "64-byte text lines, 64 KiB per write"}[kind]
        row = Scenario(f"stream-{kind}", f"one subscriber, {title}",
                       STREAM_METRICS)
        row.variants = {
            "raw": lambda: self._relay(kind, size, 1),
            "raw, keeping": lambda: self._keeping_relay(kind, size, 1),
            "node": lambda: self._node_stream(kind, size, "ws", 1),
            "node, SSE": lambda: self._node_stream(kind, size, "sse", 1),
        }
        row.checks = [Check(f"one WebSocket subscriber, {kind}", "mb_per_s",
                            "≥", limit, is_ratio=True)]
        row.note = f"{size // MIB} MiB; raw is the pipe → socket relay"
        yield row

    @contextmanager
    def fan_out(self):
        size = self.suite.scaled(16) * MIB
        row = Scenario("stream-lines-100",
                       "100 subscribers of one job, MB/s of all together",
                       STREAM_METRICS)
        row.variants = {
            "raw": lambda: self._relay("lines", size, 100),
            "node": lambda: self._node_stream("lines", size, "ws", 100),
        }
        row.note = f"{size // MIB} MiB to each"
        yield row

    @contextmanager
    def first_byte(self):
        count, interval_us = self.suite.scaled(1000), 500
        row = Scenario("first-byte", "a line's way from write to subscriber",
                       LATENCY_METRICS)
        row.variants = {
            "raw": lambda: self._relay("fbw", count, interval_us),
            "raw, keeping": lambda: self._keeping_relay("fbw", count,
                                                        interval_us),
            "node": lambda: self.node.client("fbw", count, interval_us),
        }
        row.checks = [Check("first byte, p50", "p50_us", "≤", 2,
                            is_ratio=True)]
        row.note = f"{count} lines, {interval_us} µs apart"
        yield row

    def all(self):
        """(name, context manager that yields the scenario)"""
        return [
            ("jobs-1", lambda: self.jobs(1, 400)),
            ("jobs-16", lambda: self.jobs(16, 2000)),
            ("jobs-256", lambda: self.jobs(256, 2000)),
            ("stream-head", lambda: self.stream("head", 0.5)),
            ("stream-lines", lambda: self.stream("lines", 0.8)),
            ("stream-lines-100", self.fan_out),
            ("first-byte", self.first_byte),
        ]


NAMES = ["jobs-1", "jobs-16", "jobs-256", "stream-head", "stream-lines",
         "stream-lines-100", "first-byte"]


@contextmanager
def rates_node(suite):
    """Nothing holds its jobs: isolation has scenarios of its own."""
    with Node(suite.programs, suite.places, {**ROOM, **no_isolation()}) as node:
        node.isolation = node.ask("POST", "/v1/jobs?wait=30", {
            "argv": ["/bin/sh", "-c", "true"]}).get("isolation", {})
        yield Rates(suite, node)
