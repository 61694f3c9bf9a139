"""Scenarios about memory and start: each round with a node of its own."""

import json
import subprocess
import time

from harness import proc
from harness.engine import Check, Scenario
from harness.isolation import no_isolation
from harness.node import Failed, Node

MIB = 1 << 20
SETTLE_S = 1.0


def _settled_status(node):
    """A second without work, so that deferred writes are behind it."""
    time.sleep(SETTLE_S)
    return proc.status(node.pid)


class Memory:
    """Builds the scenarios."""

    def __init__(self, suite):
        self.suite = suite

    def _node(self, **settings):
        named = {key.replace("__", "."): value
                 for key, value in settings.items()}
        return Node(self.suite.programs, self.suite.places,
                    {**no_isolation(), **named})

    # -- start and rest -------------------------------------------------------

    def _start(self):
        # With isolation, which is tried out before a node is ready.
        with Node(self.suite.programs, self.suite.places, {}) as node:
            before = _settled_status(node)
            family = proc.tree(node.pid)
            cpu = proc.CpuMeter([node.pid])
            time.sleep(3)
            return {"ready_ms": node.ready_ms, "rss_mb": before["VmRSS"] / 1024,
                    "threads": before["Threads"],
                    "all_pss_mb": sum(map(proc.pss_kb, family)) / 1024,
                    "idle_cpu_ms": cpu.take()[1] * 1000}

    def start(self):
        row = Scenario("start", "start, then rest", {
            "ready_ms": "start to ready, ms", "rss_mb": "idle RSS, MB",
            "all_pss_mb": "PSS with launcher, MB", "threads": "threads",
            "idle_cpu_ms": "CPU in 3 s of rest, ms"})
        row.variants = {"node": self._start}
        row.checks = [
            Check("start to ready", "ready_ms", "≤", 100, unit="ms"),
            Check("idle RSS", "rss_mb", "≤", 25, unit="MB")]
        row.note = ("from the start of the program to the first 200 of /ready, "
                    "with an empty state directory")
        return row

    # -- a stalled subscriber -------------------------------------------------

    def _stall(self, size):
        with self._node() as node:
            idle = _settled_status(node)
            proc.reset_peak(node.pid)
            figures = node.client("stall", "head", size)
            if figures["stalled_bytes_in_the_end"] != figures["bytes"]:
                raise Failed("the stalled subscriber did not get everything")
            peak = proc.status(node.pid)["VmHWM"]
            return {"grown_mib": (peak - idle["VmRSS"]) / 1024,
                    "idle_mib": idle["VmRSS"] / 1024,
                    "fast_mb_per_s": figures["fast_mb_per_s"]}

    def stall(self):
        size = self.suite.scaled(1024) * MIB
        row = Scenario("stall", "two subscribers, one stops reading", {
            "grown_mib": "peak RSS over idle, MiB", "idle_mib": "idle, MiB",
            "fast_mb_per_s": "MB/s of the other"})
        row.variants = {"node": lambda: self._stall(size)}
        row.checks = [Check("memory while streaming, one stalled",
                            "grown_mib", "≤", 16, unit="MiB")]
        row.note = (f"{size // MIB} MiB; afterwards the stalled one goes on and "
                    "must get every byte")
        return row

    # -- sleeping jobs --------------------------------------------------------

    def _sleepers(self, count):
        settings = {"worker__concurrency": count + 8,
                    "session__max_concurrent_sessions": count + 16}
        with self._node(**settings) as node:
            idle = _settled_status(node)
            node.client("sleepers", count, 120)
            self._wait_for_sleepers(node, count)
            busy = _settled_status(node)
            shims = [pid for pid in proc.tree(node.pid)
                     if pid != node.pid and proc.comm(pid) != "sleep"]
            # The launcher itself is among them: one PSS more, not a thousand.
            return {"node_kb": (busy["VmRSS"] - idle["VmRSS"]) / count,
                    "node_threads": (busy["Threads"] - idle["Threads"]) / count,
                    "shim_pss_kb": sum(map(proc.pss_kb, shims)) / count}

    @staticmethod
    def _wait_for_sleepers(node, count):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            names = [proc.comm(pid) for pid in proc.tree(node.pid)]
            if names.count("sleep") >= count:
                return
            time.sleep(0.2)
        raise Failed(f"{names.count('sleep')} of {count} sleepers run")

    def sleepers(self):
        count = self.suite.scaled(1000)
        row = Scenario("sleepers", f"{count} jobs that sleep", {
            "node_kb": "node RSS per job, kB",
            "node_threads": "node threads per job",
            "shim_pss_kb": "shim PSS per job, kB"})
        row.variants = {"node": lambda: self._sleepers(count)}
        row.checks = [
            Check("node memory per sleeping job", "node_kb", "≤", 16,
                  unit="kB"),
            Check("node threads per sleeping job", "node_threads", "≤", 0),
            Check("shim PSS per sleeping job", "shim_pss_kb", "≤", 300,
                  unit="kB")]
        return row

    # -- idle subscribers -----------------------------------------------------

    def _idle(self, mode, count):
        with self._node(websocket__max_clients=count + 16) as node:
            idle = _settled_status(node)
            holder = subprocess.Popen(
                [self.suite.programs.client, mode, node.url, node.token_file,
                 str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            try:
                line = holder.stdout.readline()
                if not line:
                    raise Failed(f"{mode}: the subscribers were refused")
                busy = _settled_status(node)
            finally:
                holder.stdin.close()
                holder.wait(30)
                holder.stdout.close()
            return {"node_kb": (busy["VmRSS"] - idle["VmRSS"]) / count,
                    "connect_all_s": json.loads(line)["connect_all_s"]}

    def idle_subscribers(self):
        count = self.suite.scaled(1000)
        row = Scenario("idle-subscribers", f"{count} subscribers of a silent job",
                       {"node_kb": "node RSS each, kB",
                        "connect_all_s": "connect all, s"})
        row.variants = {"node": lambda: self._idle("idle-ws", count),
                        "node, SSE": lambda: self._idle("idle-sse", count)}
        row.checks = [Check("node memory per idle WebSocket subscriber",
                            "node_kb", "≤", 12, unit="kB")]
        return row

    # -- the queue ------------------------------------------------------------

    def _queue(self, count):
        with self._node(worker__concurrency=1) as node:
            node.client("sleepers", 1, 120)
            idle = _settled_status(node)
            first = node.client("submits", count // 10, 16)
            rest = node.client("submits", count - count // 10, 16)
            busy = _settled_status(node)
            return {"submits_per_s": rest["jobs_per_s"],
                    "first_per_s": first["jobs_per_s"],
                    "node_kb": (busy["VmRSS"] - idle["VmRSS"]) / count}

    def queue(self):
        count = self.suite.scaled(10000)
        row = Scenario("queue", f"{count} jobs behind a full worker", {
            "first_per_s": "accepted/s, first tenth",
            "submits_per_s": "accepted/s, the rest",
            "node_kb": "node RSS per queued job, kB"})
        row.variants = {"node": lambda: self._queue(count)}
        row.note = "16 submissions in flight, each durable before its answer"
        return row

    def all(self):
        return [("start", self.start), ("stall", self.stall),
                ("sleepers", self.sleepers),
                ("idle-subscribers", self.idle_subscribers),
                ("queue", self.queue)]


NAMES = ["start", "stall", "sleepers", "idle-subscribers", "queue"]
